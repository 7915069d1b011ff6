//! A real PostgreSQL server for tests.
//!
//! A shell supervises each server. It holds the reading end of a pipe whose only writing end is
//! ours: when this process ends, however it ends, the pipe closes, and the shell stops the server
//! and removes its folder. (Statics are never dropped in Rust, and a killed process drops nothing.)

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::{Client, NoTls};

/// The superuser of every test server. It logs in over TCP with SCRAM, so a wrong password fails.
pub const USER: &str = "postgres";
/// The password of [`USER`]. Not a secret: the server listens on loopback for as long as a test runs.
pub const PASSWORD: &str = "correct horse";

/// Whether what the server has acknowledged survives a crash of the machine. Tests that kill the
/// server process need no more than `Fast`: the kernel keeps what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// No fsync: several times faster.
    Fast,
    /// As in production.
    Full,
}

/// A running server with a private folder and port. Dropping it stops and removes it.
pub struct Server {
    supervisor: Child,
    port: u16,
    databases: AtomicU32,
    binaries: PathBuf,
    folder: PathBuf,
    owner: Option<(u32, u32)>,
}

impl Server {
    /// The one server of this test binary, started at first use and removed when the process ends.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is not installed or does not start; the message says what to do.
    pub fn shared() -> &'static Server {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Server::start(Durability::Fast))
    }

    /// Starts a server of the test's own, for tests that change or stop it.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is not installed or does not start; the message says what to do.
    pub fn start(durability: Durability) -> Server {
        Self::start_with(durability, &[])
    }

    /// As [`Server::start`], with further settings of `postgresql.conf`: `("shared_buffers", "1GB")`.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is not installed or does not start; the message says what to do.
    pub fn start_with(durability: Durability, settings: &[(&str, &str)]) -> Server {
        let binaries = find_binaries().unwrap_or_else(|| {
            panic!(
                "these tests need PostgreSQL's initdb and pg_ctl, which are neither on PATH nor in \
                 /usr/lib/postgresql/*/bin; install the package 'postgresql' (Debian, Ubuntu) or \
                 'postgresql-server' (Fedora)"
            )
        });
        // A port that was free a moment ago may be taken by the time the server binds it.
        const ATTEMPTS_MAX: u32 = 3;
        let mut attempt = 1;
        loop {
            match launch(&binaries, durability, settings) {
                Ok(server) => return server,
                Err(_) if attempt < ATTEMPTS_MAX => attempt += 1,
                Err(log) => panic!("PostgreSQL in {} does not start:\n{log}", binaries.display()),
            }
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Address of a database of this server, with user and password.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{}@127.0.0.1:{}/{database}", PASSWORD.replace(' ', "%20"), self.port)
    }

    /// Ends every process of the server as a crash would, without a checkpoint, and starts it again at
    /// the same port. What it had not acknowledged may be gone; with [`Durability::Fast`] also what
    /// sessions with `synchronous_commit` off had committed a moment ago.
    ///
    /// # Panics
    ///
    /// When it does not start again.
    pub fn crash_and_restart(&self) {
        let mut command = Command::new(self.binaries.join("pg_ctl"));
        command
            .args(["-D", "data", "-m", "immediate", "-w", "-t", "60", "-l", "log", "restart"])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        let status = command.status().expect("run pg_ctl");
        assert!(status.success(), "PostgreSQL in {} does not start again: {status}", self.folder.display());
    }

    /// Makes an empty database, so that tests do not see each other.
    pub async fn database(&self) -> Database {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let admin = connect(&self.url("postgres")).await;
        admin.batch_execute(&format!("create database {name}")).await.expect("create a test database");
        Database { url: self.url(&name), name, port: self.port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}

/// One database of a [`Server`].
#[derive(Clone, Debug)]
pub struct Database {
    name: String,
    url: String,
    port: u16,
}

impl Database {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `postgres://` address with user and password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of this database for another role, whose password is [`PASSWORD`] too.
    pub fn url_as(&self, role: &str) -> String {
        self.url.replacen(&format!("//{USER}:"), &format!("//{role}:"), 1)
    }

    /// The address of this database through another port of this machine, such as a proxy's.
    pub fn url_at(&self, port: u16) -> String {
        self.url.replacen(&format!(":{}/", self.port), &format!(":{port}/"), 1)
    }

    /// A new session of the superuser; it ends when the client is dropped.
    pub async fn client(&self) -> Client {
        connect(&self.url).await
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("connect to the test server");
    tokio::spawn(connection);
    client
}

/// `$1` programs, `$2` folder, `$3` port, `$4` further settings. Says `ready` when it is, then waits
/// for its input to end. The password file is written with the folder, before this starts.
const SUPERVISE: &str = r#"
programs=$1 folder=$2 port=$3 settings=$4
cd "$folder"
stop() { "$programs/pg_ctl" -D data -m immediate stop >>log 2>&1; rm -rf "$folder"; }
trap stop EXIT
# Saying `ready` to a process that is gone must not end this shell before it has cleaned up.
trap '' PIPE
trap 'exit 1' HUP INT TERM
"$programs/initdb" -D data -U postgres --pwfile=password -A scram-sha-256 -E UTF8 --locale=C --no-sync >>log 2>&1 &&
"$programs/pg_ctl" -D data -w -t 60 -l log -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' $settings" start >>log 2>&1 &&
echo ready || { cat log; exit 1; }
cat >/dev/null
"#;

/// Starts initdb and the server under their supervisor; an error is what they printed.
fn launch(binaries: &Path, durability: Durability, further: &[(&str, &str)]) -> Result<Server, String> {
    let port = TcpListener::bind(("127.0.0.1", 0))
        .and_then(|socket| socket.local_addr())
        .map_err(|e| format!("no free loopback port: {e}"))?
        .port();
    let (folder, owner) = private_folder().map_err(|e| format!("no private folder: {e}"))?;
    let mut settings = String::from("-c max_connections=200");
    if durability == Durability::Fast {
        settings += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off";
    }
    for (name, value) in further {
        settings += &format!(" -c {name}={value}");
    }
    let mut command = Command::new("sh");
    command
        .args(["-c", SUPERVISE, "supervise"])
        .args([binaries, &folder])
        .args([&port.to_string(), &settings])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // A Ctrl-C in the terminal ends the test; the supervisor must outlive it to clean up.
        .process_group(0);
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    let mut supervisor = command.spawn().map_err(|e| format!("cannot run sh: {e}"))?;
    let mut lines = BufReader::new(supervisor.stdout.take().expect("stdout is piped")).lines();
    match lines.next() {
        Some(Ok(line)) if line == "ready" => {
            let (binaries, databases) = (binaries.to_path_buf(), AtomicU32::new(0));
            Ok(Server { supervisor, port, databases, binaries, folder, owner })
        }
        first => {
            let output: Vec<String> = first.into_iter().chain(lines).map_while(Result::ok).collect();
            let _ = supervisor.wait();
            Err(output.join("\n"))
        }
    }
}

/// Folder with `initdb` and `pg_ctl`: Debian's newest version, else the one on PATH.
fn find_binaries() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let newest_first = versions.into_iter().rev().map(|(_, folder)| folder);
    newest_first
        .chain(std::env::split_paths(&path))
        .find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file())
}

/// A new folder only its owner can enter, holding the password file. PostgreSQL refuses to run as
/// root, so then the folder and the server belong to an unprivileged user, returned as (user, group).
fn private_folder() -> std::io::Result<(PathBuf, Option<(u32, u32)>)> {
    let folder = tempfile::Builder::new().prefix("syncline-postgres-").tempdir()?;
    let password = folder.path().join("password");
    fs::write(&password, PASSWORD)?;
    let owner = if fs::metadata(folder.path())?.uid() == 0 { Some(unprivileged_user()?) } else { None };
    if let Some((user, group)) = owner {
        chown(&password, Some(user), Some(group))?;
        chown(folder.path(), Some(user), Some(group))?;
    }
    Ok((folder.keep(), owner))
}

/// User and group id of `postgres`, else of `nobody`.
fn unprivileged_user() -> std::io::Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd")?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| {
            let mut fields =
                users.lines().map(|line| line.split(':')).find(|f| f.clone().next() == Some(*name))?;
            Some((fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
        })
        .ok_or_else(|| std::io::Error::other("there is no user 'postgres' or 'nobody' to run PostgreSQL as"))
}
