//! What befalls a run: signals, the network, the servers, other processes.

use std::fs::{File, TryLockError};
use std::process::Command;
use std::time::{Duration, Instant};

use syncline_tests::databases::Database;
use syncline_tests::project::{Output, Running};
use syncline_tests::proxy::{End, Fault, Proxy};
use syncline_tests::seeded::Choices;

use super::steps::{Side, Trouble};
use super::world::{SYNC, Store, World, error_of};

/// Requests whose replies get lost.
const REQUESTS: &[&str] =
    &["COMMIT", "COMMIT", "COMMIT", "BEGIN", "COPY", "_syncline_ledger", "INSERT", "ROLLBACK"];
/// Folder of the state of a process that takes over.
const SUCCESSOR: &str = "successor";

impl World<'_> {
    /// Runs the program while the troubles befall it.
    pub fn run(&mut self, arguments: &[&str], troubles: &[Trouble]) -> Output {
        let mut fail_points = Vec::new();
        for trouble in troubles {
            match trouble {
                Trouble::KillAt { point, hit: 1 } => fail_points.push(format!("{point}=panic")),
                Trouble::KillAt { point, hit } => fail_points.push(format!("{point}={}*off->panic", hit - 1)),
                Trouble::Network { side, seed, connections } => {
                    let (mut choices, connections) = (Choices::new(*seed), *connections);
                    self.proxy(*side).inject(move |number| match number < connections {
                        true => Fault::random(&mut choices, REQUESTS),
                        false => Fault::None,
                    });
                }
                _ => {}
            }
        }
        let mut timed: Vec<&Trouble> = troubles.iter().filter(|t| t.after().is_some()).collect();
        timed.sort_by_key(|trouble| trouble.after());
        let arguments = [arguments, &["--output", "json"]].concat();
        if timed.iter().any(|trouble| matches!(trouble, Trouble::Succeed { .. })) {
            self.earlier_runs = self.statuses();
        }
        let started = Instant::now();
        let mut running = self.project.start(&arguments, &fail_points.join(";"));
        for trouble in timed {
            let due = started + trouble.after().unwrap_or_default();
            while Instant::now() < due && running.is_running() {
                std::thread::sleep(Duration::from_millis(3));
            }
            if !running.is_running() {
                break;
            }
            self.befall(&mut running, trouble);
        }
        let output = running.wait();
        for side in [Side::Source, Side::Target] {
            self.proxy(side).calm();
            let log = self.proxy(side).take_log();
            self.log.extend(log.iter().map(|line| format!("    {side:?} {line}")));
        }
        if self.is_superseded {
            // What the late process still noted in its own state is worth nothing.
            std::fs::remove_dir_all(self.project.path(".syncline")).expect("remove the old state");
            std::fs::rename(self.project.path(SUCCESSOR), self.project.path(".syncline"))
                .expect("move the state");
        }
        let end = match output.code() {
            Some(0) => "0".to_string(),
            Some(code) => format!("{code}: {}", error_of(&output).unwrap_or_default()),
            None => output.status.to_string(),
        };
        self.note(format!("  syncline {} → {end} after {:?}", arguments.join(" "), started.elapsed()));
        output
    }

    fn befall(&mut self, running: &mut Running, trouble: &Trouble) {
        match trouble {
            Trouble::KillAt { .. } | Trouble::Network { .. } => {}
            Trouble::Kill { .. } => running.signal("KILL"),
            Trouble::Signal { name, .. } => running.signal(name),
            Trouble::Stop { time, .. } => self.stop(running, *time),
            Trouble::Succeed { .. } => self.succeed(running),
            Trouble::BreakOff { side, end, .. } => self.proxy(*side).break_off(*end),
            Trouble::Refuse { side, time, .. } => {
                self.proxy(*side).refuse_for(*time);
                self.proxy(*side).break_off(End::Reset);
            }
            Trouble::Terminate { side, .. } => {
                let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                           where application_name = 'syncline' and datname = current_database()";
                match (side, &self.target) {
                    (Side::Target, Store::Postgres(database)) => database.value(end),
                    _ => self.source.value(end),
                };
            }
            Trouble::Restart { side, .. } => {
                self.site.server(*side).crash_and_restart();
                match (side, &mut self.target) {
                    (Side::Target, Store::Postgres(database)) => database.reconnect(),
                    _ => self.source.reconnect(),
                }
            }
            Trouble::Lock { time, .. } => self.lock(*time),
        }
    }

    /// Suspends the program and tries another process: of two, one has the state.
    fn stop(&mut self, running: &Running, time: Duration) {
        if self.is_superseded {
            return;
        }
        running.signal("STOP");
        let until = Instant::now() + time;
        let has_state = self.is_locked();
        let other = self.project.json(&["run", SYNC]);
        if has_state {
            assert_eq!((other.code(), other.error_code().as_str()), (Some(1), "state_locked"), "{other}");
            // Reading waits for nobody, unless the process was stopped while it opened or made the database.
            let listed = self.project.json(&["runs"]);
            let is_listed = listed.code() == Some(0)
                || ["state_locked", "conflict"].contains(&listed.error_code().as_str());
            assert!(is_listed, "runs can be listed meanwhile\n{listed}");
        }
        self.check(&other);
        self.note(format!(
            "  stopped, the state {}; another run ended {:?}",
            if has_state { "locked" } else { "free" },
            other.code()
        ));
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
        running.signal("CONT");
    }

    /// Suspends the program in the middle of a run of its own, and lets another process take over with a
    /// copy of its state. From then on the copy is the state, if the successor took the fence.
    fn succeed(&mut self, running: &Running) {
        if self.is_superseded {
            return;
        }
        running.signal("STOP");
        let folder = self.project.path(SUCCESSOR);
        let is_active = |status: &str| ["starting", "running"].contains(&status);
        let runs = self.statuses();
        let was_active =
            |id: &str| self.earlier_runs.iter().any(|(known, status)| known == id && is_active(status));
        let own = runs.iter().find(|(id, status)| is_active(status) && !was_active(id));
        if let Some((id, _)) = own.filter(|_| self.is_locked()) {
            let epoch: i64 = self.number(&format!("select epoch from runs where id = '{id}'"));
            let copied =
                Command::new("cp").arg("-r").args([&self.project.path(".syncline"), &folder]).status();
            assert!(copied.expect("run cp").success());
            let mut command = self.project.command(&["run", SYNC, "--output", "json"]);
            command.env("SYNCLINE_STATE", SUCCESSOR);
            let successor = Running::start(command).wait();
            self.check(&successor);
            self.is_superseded = self.fence().is_some_and(|fence| fence > epoch);
            let taken = if self.is_superseded { "has taken over" } else { "has written nothing" };
            self.note(format!("  stopped; the successor {taken} and ended {:?}", successor.code()));
            if !self.is_superseded {
                std::fs::remove_dir_all(&folder).expect("remove the successor's state");
            }
        }
        running.signal("CONT");
    }

    /// The epoch that holds the fence at the target, once there is one.
    fn fence(&self) -> Option<i64> {
        let database = self.target.database()?;
        database.rows("select from pg_class where relname = '_syncline_fence'").first()?;
        let epoch = database.rows("select max(epoch) from _syncline_fence").into_iter().flatten().next()?;
        epoch?.parse().ok()
    }

    fn number(&self, sql: &str) -> i64 {
        let value = self.state(sql).into_iter().flatten().flatten().next();
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no number: {sql}"))
    }

    /// Whether a process holds the state.
    fn is_locked(&self) -> bool {
        let file = File::open(self.project.path(".syncline/lock"));
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    fn lock(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        match &self.target {
            Store::Postgres(database) => {
                // Whoever cannot have the lock lets it be.
                database.execute(&format!(
                    "set lock_timeout = '2s'; do $$ begin \
                     lock table copy in access exclusive mode; perform pg_sleep({seconds}); \
                     exception when lock_not_available or deadlock_detected then null; end $$"
                ));
            }
            Store::Sqlite(_) => {
                let connection =
                    rusqlite::Connection::open(self.project.path("target.db")).expect("open the target");
                connection.busy_timeout(Duration::from_secs(2)).expect("set the wait for locks");
                if connection.execute_batch("begin exclusive").is_ok() {
                    std::thread::sleep(time);
                    connection.execute_batch("rollback").expect("release the target");
                }
            }
            Store::Files => std::thread::sleep(time),
        }
    }

    fn proxy(&self, side: Side) -> &Proxy {
        match side {
            Side::Source => &self.source_proxy,
            Side::Target => &self.target_proxy,
        }
    }
}
