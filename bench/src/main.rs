//! Measures a sync of one PostgreSQL table to another against plain `COPY` on the same server.
//!
//! `make bench` builds `syncline` in release and runs this. Every figure is a ratio against a baseline
//! taken in the same run, because machines are shared and noisy; each is the median of a few rounds.
//! Arguments: the number of rows (default 1,000,000) and of rounds (default 3).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use syncline_tests::postgres::{Durability, Server};

/// Twelve columns of the kinds that customer tables have.
const TABLE: &str = "
    id bigint primary key, email text, first_name text, last_name text, company text,
    country char(2), mrr numeric(10,2), seats int, active boolean, signed_up date,
    updated_at timestamptz, notes text";

fn rows(n: u64) -> String {
    format!(
        "insert into customers
         select i, 'user' || i || '@example.com', 'First' || (i % 977), 'Last' || (i % 1009),
                'Company ' || (i % 5003), (array['DE','FR','US','JP'])[1 + i % 4], (i % 100000) / 100.0,
                (i % 500)::int, i % 3 = 0, date '2020-01-01' + (i % 2000)::int,
                timestamptz '2024-01-01' + i * interval '1 second',
                case when i % 5 = 0 then null else repeat('note ', (i % 8)::int) end
         from generate_series(1, {n}) as i"
    )
}

struct Bench {
    source: String,
    target: String,
    syncline: PathBuf,
    project: tempfile::TempDir,
}

impl Bench {
    fn psql(&self, url: &str, sql: &str) {
        let status = Command::new("psql")
            .args(["-q", "-X", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql])
            .stdout(Stdio::null())
            .status()
            .expect("psql runs (Debian's package postgresql-client)");
        assert!(status.success(), "psql failed: {sql}");
    }

    fn shell(&self, script: &str) -> f64 {
        let started = Instant::now();
        let status = Command::new("sh")
            .args(["-c", script])
            .env("SOURCE", &self.source)
            .env("TARGET", &self.target)
            .status()
            .expect("sh runs");
        assert!(status.success(), "{script} failed");
        started.elapsed().as_secs_f64()
    }

    /// Seconds of one `syncline run`, start of the process included.
    fn run(&self) -> f64 {
        let started = Instant::now();
        let output = Command::new(&self.syncline)
            .args(["run", "bench.customer"])
            .current_dir(self.project.path())
            .output()
            .expect("syncline runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        started.elapsed().as_secs_f64()
    }

    /// An empty target and no memory of what was delivered.
    fn start_over(&self) {
        self.psql(&self.target, "drop table if exists customers cascade");
        self.psql(&self.target, &format!("create table customers ({TABLE})"));
        let state = self.project.path().join(".syncline");
        if state.exists() {
            std::fs::remove_dir_all(state).expect("the state can be removed");
        }
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(default, |a| a.parse().expect("a number"));
    let (n, rounds) = (number(1_000_000), number(3) as usize);
    let server = Server::start(Durability::Full);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (source, target) = runtime.block_on(async { (server.database().await, server.database().await) });
    let bench = Bench {
        source: source.url().to_string(),
        target: target.url().to_string(),
        syncline: Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/syncline"),
        project: project(source.url(), target.url()),
    };
    assert!(bench.syncline.exists(), "build it first: cargo build --release -p syncline-cli");
    bench.psql(&bench.source, &format!("create table customers ({TABLE})"));
    bench.psql(&bench.source, &rows(n));
    bench.psql(&bench.source, "analyze customers");
    println!("{n} rows of 12 columns, medians of {rounds} rounds\n");
    println!("{:<34} {:>9} {:>9} {:>7}", "", "syncline", "baseline", "ratio");

    let pipe = "psql -qX -d \"$SOURCE\" -c 'copy customers to stdout (format binary)' \
                | psql -qX -d \"$TARGET\" -c 'copy customers from stdin (format binary)'";
    let read = "psql -qX -d \"$SOURCE\" -c 'copy customers to stdout (format binary)' > /dev/null";
    let (mut first, mut first_base) = (Vec::new(), Vec::new());
    let (mut second, mut changed, mut read_base) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        bench.start_over();
        first_base.push(bench.shell(pipe));
        bench.start_over();
        first.push(bench.run());
        read_base.push(bench.shell(read));
        second.push(bench.run());
        bench.psql(&bench.source, &format!("update customers set mrr = mrr + 1 where id % 100 = {round}"));
        changed.push(bench.run());
    }
    report("first sync / COPY out | COPY in", &mut first, &mut first_base);
    report("nothing changed / COPY out", &mut second, &mut read_base.clone());
    report("1 % changed / COPY out", &mut changed, &mut read_base);
}

fn report(name: &str, measured: &mut [f64], baseline: &mut [f64]) {
    let (m, b) = (median(measured), median(baseline));
    println!("{name:<34} {m:>8.2}s {b:>8.2}s {:>6.2}x", m / b);
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn project(source: &str, target: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write =
        |name: &str, text: String| std::fs::write(folder.path().join(name), text).expect("it can be written");
    write(
        "syncline.yaml",
        format!(
            "connections:\n  source: {{ type: postgres, url: \"{source}\" }}\n  target: {{ type: postgres, url: \"{target}\" }}\n"
        ),
    );
    std::fs::create_dir(folder.path().join("syncs")).expect("a folder can be made");
    write(
        "syncs/bench.yaml",
        "instance: bench\nsource: source\ntarget: target\nentities:\n  customer:\n    \
         model: { table: customers, key: id }\n    to: { object: customers, match: id }\n    write_mode: mirror\n"
            .into(),
    );
    folder
}
