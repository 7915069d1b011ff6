//! A project in a folder of its own, and the real program run in it.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// Longest that one call of the program may take before the test fails.
const CALL_MAX: Duration = Duration::from_secs(90);

/// The signal that nothing can catch.
const SIGKILL: i32 = 9;

/// The program under test.
///
/// # Panics
///
/// When it is not built; the message says how to build it.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("SYNCLINE_BIN") {
        return PathBuf::from(path);
    }
    // A test executable lies in `target/<profile>/deps`, the program one folder above; a benchmark lies
    // beside it.
    let test = std::env::current_exe().expect("the test executable has a path");
    let mut programs = test.ancestors().skip(1).take(2).map(|folder| folder.join("syncline"));
    match programs.find(|program| program.is_file()) {
        Some(program) => program,
        None => panic!(
            "these tests drive the program itself, which is not built: run \
             `cargo build -p syncline-cli --features failpoints`, or name it in SYNCLINE_BIN"
        ),
    }
}

/// A project in a temporary folder that goes with the value.
pub struct Project {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Default for Project {
    fn default() -> Self {
        Self::new()
    }
}

impl Project {
    /// An empty folder.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("syncline-project-").tempdir().expect("a folder");
        Self { folder, environment: Vec::new() }
    }

    /// A project of the connections `source` and `target`, as YAML flow mappings, and one instance
    /// `shop` with the given entities, each with its name and its body.
    pub fn of(source: &str, target: &str, entities: &[(&str, &str)]) -> Self {
        let project = Self::new();
        project.write("syncline.yaml", format!("connections:\n  from: {source}\n  into: {target}\n"));
        project.write_entities(entities);
        project
    }

    /// Replaces the instance `shop`.
    pub fn write_entities(&self, entities: &[(&str, &str)]) {
        self.write_instance("shop", entities);
    }

    /// Adds an instance of the same two connections, or replaces it.
    pub fn write_instance(&self, instance: &str, entities: &[(&str, &str)]) {
        let mut text = format!("instance: {instance}\nsource: from\ntarget: into\nentities:\n");
        for (name, body) in entities {
            text += &format!("  {name}:\n");
            for line in body.trim_matches('\n').lines() {
                text += &format!("    {line}\n");
            }
        }
        self.write(&format!("syncs/{instance}.yaml"), text);
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves the folder on the disk when the value goes, to be looked at.
    pub fn keep(&mut self) -> &Path {
        self.folder.disable_cleanup(true);
        self.folder.path()
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder().join(relative)
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, relative: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("make a folder");
        fs::write(path, contents).expect("write a file of the project");
    }

    pub fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap_or_else(|e| panic!("{relative}: {e}"))
    }

    /// Sets an environment variable for every call that follows.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.environment.push((name.into(), value.into()));
    }

    /// The program with these arguments, in the project's folder and without variables of ours.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Command::new(binary()), arguments)
    }

    /// As [`Project::command`], started by a shell after `preparation`, for limits and mounts.
    pub fn command_after(&self, preparation: &str, arguments: &[&str]) -> Command {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("{preparation}\nexec \"$0\" \"$@\"")).arg(binary());
        self.command_of(shell, arguments)
    }

    fn command_of(&self, mut command: Command, arguments: &[&str]) -> Command {
        command.args(arguments).current_dir(self.folder());
        for name in [
            "FAILPOINTS",
            "RUST_LOG",
            "SYNCLINE_PROJECT",
            "SYNCLINE_ENV",
            "SYNCLINE_STATE",
            "SYNCLINE_FILES",
            "SYNCLINE_SERVER",
            "SYNCLINE_TOKEN",
        ] {
            command.env_remove(name);
        }
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OTEL_")) {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        Running::start(self.command(arguments)).wait()
    }

    /// Runs the program with `--output json`, to its end.
    pub fn json(&self, arguments: &[&str]) -> Output {
        self.run(&[arguments, &["--output", "json"]].concat())
    }

    /// Runs the program; it must end with `code`.
    #[track_caller]
    pub fn expect(&self, code: i32, arguments: &[&str]) -> Output {
        let output = self.json(arguments);
        assert_eq!(output.code(), Some(code), "`syncline {}`\n{output}", arguments.join(" "));
        output
    }

    /// Starts the program with fail points set, and lets it run.
    pub fn start(&self, arguments: &[&str], fail_points: &str) -> Running {
        let mut command = self.command(arguments);
        if !fail_points.is_empty() {
            command.env("FAILPOINTS", fail_points);
        }
        Running::start(command)
    }

    /// Runs the program until its `hit`th arrival at a fail point kills it, or to its end when it
    /// does not come there so often.
    pub fn run_killed_at(&self, arguments: &[&str], fail_point: &str, hit: u32) -> Output {
        let action = match hit {
            1 => format!("{fail_point}=panic"),
            _ => format!("{fail_point}={}*off->panic", hit - 1),
        };
        self.start(arguments, &action).wait()
    }

    /// The newest run.
    #[track_caller]
    pub fn last_run(&self) -> Json {
        self.expect(0, &["runs", "show", "last"]).run()
    }

    /// Every run in the state, newest first.
    #[track_caller]
    pub fn runs(&self) -> Vec<Json> {
        let page = self.expect(0, &["runs", "--limit", "200"]).json();
        list_of(&page)
    }

    /// Every open dead letter.
    #[track_caller]
    pub fn open_letters(&self) -> Vec<Json> {
        let page = self.expect(0, &["dlq", "list", "--limit", "200"]).json();
        list_of(&page)
    }
}

/// The records of a page of a list.
#[track_caller]
pub fn list_of(page: &Json) -> Vec<Json> {
    page["data"].as_array().unwrap_or_else(|| panic!("not a page of a list: {page}")).clone()
}

/// How a call of the program ended.
#[derive(Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Exit code; `None` when a signal ended the program.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(SIGKILL)
    }

    /// What the program answered, as JSON.
    #[track_caller]
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("stdout is not JSON: {e}\n{self}"))
    }

    /// The one run that the answer is about.
    #[track_caller]
    pub fn run(&self) -> Json {
        let answer = self.json();
        match &answer {
            Json::Array(runs) if runs.len() == 1 => runs[0].clone(),
            Json::Object(_) if answer.get("data").is_some_and(Json::is_array) => list_of(&answer)[0].clone(),
            Json::Object(_) if answer.get("run").is_some_and(Json::is_object) => answer["run"].clone(),
            Json::Object(_) => answer,
            _ => panic!("not about one run:\n{self}"),
        }
    }

    /// Why the program did not do its work: the error of the run that is its answer, else the one it
    /// reported on stderr.
    #[track_caller]
    pub fn error(&self) -> Json {
        let answered = serde_json::from_str::<Json>(&self.stdout).ok().map(|answer| answer["error"].clone());
        let reported = self.stderr.lines().rev().filter_map(|line| serde_json::from_str::<Json>(line).ok());
        let mut errors = answered.into_iter().chain(reported.map(|line| line["error"].clone()));
        errors.find(Json::is_object).unwrap_or_else(|| panic!("no error\n{self}"))
    }

    /// Code of [`Output::error`].
    #[track_caller]
    pub fn error_code(&self) -> String {
        self.error()["code"].as_str().unwrap_or_default().to_string()
    }

    /// Everything that was printed.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n--- stdout\n{}\n--- stderr\n{}", self.status, self.stdout, self.stderr)
    }
}

/// The program at work.
pub struct Running {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    lines: Receiver<String>,
    seen: Vec<String>,
    description: OsString,
    started: Instant,
}

impl Running {
    /// Starts a command with nothing on its standard input.
    pub fn start(mut command: Command) -> Self {
        let description = format!("{command:?}").into();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("start the program");
        let mut stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let stdout = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stdout.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        Self { child, stdout: Some(stdout), lines, seen: Vec::new(), description, started: Instant::now() }
    }

    /// Sends a signal by its name, for example `INT`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        // It may have ended by itself a moment ago.
        let _ = Command::new("kill").args([&format!("-{name}"), &id]).stderr(Stdio::null()).status();
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("ask for the program's status").is_none()
    }

    /// Waits until a line with `text` appears on stderr.
    #[track_caller]
    pub fn wait_for_line(&mut self, text: &str) {
        while let Some(line) = self.next_line() {
            if line.contains(text) {
                return;
            }
        }
        panic!("'{text}' did not appear on stderr:\n{}", self.seen.join("\n"));
    }

    /// The next line of stderr; `None` at its end.
    fn next_line(&mut self) -> Option<String> {
        let left = CALL_MAX.saturating_sub(self.started.elapsed());
        match self.lines.recv_timeout(left) {
            Ok(line) => {
                self.seen.push(line.clone());
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                panic!("{:?} did not end within {CALL_MAX:?}:\n{}", self.description, self.seen.join("\n"))
            }
        }
    }

    /// Waits for the end.
    pub fn wait(mut self) -> Output {
        while self.next_line().is_some() {}
        let status = self.child.wait().expect("wait for the program");
        let stdout = self.stdout.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        Output { status, stdout, stderr: self.seen.join("\n") }
    }
}
