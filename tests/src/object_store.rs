//! A real S3 server for tests: moto's, from PyPI. What it stores is in its memory.
//!
//! The server ends when its input does: with the value that stands for it here, or with this process,
//! however that ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// What runs inside Python.
const PROGRAM: &str = include_str!("moto.py");
/// Credentials that the server takes, as it takes any unless [`Server::require_credentials`] was called.
pub const KEY_ID: &str = "testing";
pub const SECRET: &str = "testing-secret";

/// A running server. Dropping it ends it at once.
pub struct Server {
    process: Child,
    port: u16,
    buckets: AtomicU32,
}

impl Server {
    /// The one server of this test binary, started at first use.
    ///
    /// # Panics
    ///
    /// When moto is not installed or does not start; the message says what to do.
    pub fn shared() -> &'static Server {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Server::start(0))
    }

    /// Starts a server of the test's own at a port; at 0 it takes any.
    ///
    /// # Panics
    ///
    /// When moto is not installed or does not start; the message says what to do.
    pub fn start(port: u16) -> Server {
        let python = tools().join("moto/bin/python");
        assert!(
            python.is_file(),
            "these tests need moto's S3 server, which is not in {}; run `scripts/need-python-tool moto`",
            python.display()
        );
        let mut process = Command::new(python)
            .args(["-c", PROGRAM, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("run Python");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("stdout is piped"))
            .read_line(&mut line)
            .expect("its port");
        let port = line.trim().parse().expect("moto's S3 server did not start");
        Server { process, port, buckets: AtomicU32::new(0) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes a bucket that no other test uses; its name.
    pub fn bucket(&self) -> String {
        let name = format!("bucket-{}", self.buckets.fetch_add(1, Ordering::SeqCst));
        self.make_bucket(&name);
        name
    }

    pub fn make_bucket(&self, name: &str) {
        self.ask("PUT", &format!("/{name}"), "");
    }

    /// Where files are kept in a bucket of this server.
    pub fn location(&self, bucket: &str) -> String {
        location(self.port, bucket)
    }

    /// From now on only credentials that the server gave out are taken, and it gave out none.
    pub fn require_credentials(&self) {
        self.ask("POST", "/moto-api/reset-auth", "0");
    }

    /// Ends the server as a crash does: what it holds is gone.
    pub fn kill(&mut self) {
        self.process.kill().expect("end the S3 server");
        self.process.wait().expect("its end");
    }

    fn ask(&self, method: &str, path: &str, body: &str) {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).expect("connect to the S3 server");
        let length = body.len();
        write!(
            connection,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}",
            self.port
        )
        .expect("ask the S3 server");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("its answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where files are kept in a bucket, through another port, such as a proxy's.
pub fn location(port: u16, bucket: &str) -> String {
    format!(
        "s3://{bucket}/state/files?endpoint=http://127.0.0.1:{port}&allow_http=true&region=eu-central-1\
         &access_key_id={KEY_ID}&secret_access_key={SECRET}"
    )
}

/// Folder of the tools that `scripts/need-python-tool` installs.
fn tools() -> PathBuf {
    let build = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    build.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")).join("tools/python")
}
