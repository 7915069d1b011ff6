//! Figure g: other systems, each against the obvious plain tool.

use std::process::Command;

use syncline_tests::postgres::Durability;

use crate::customers;
use crate::measure::Meter;
use crate::peers::environment;
use crate::postgres::Databases;
use crate::project::Customers;
use crate::report::{Figure, Report};

/// What writes Parquet from the CSV of `COPY`, in batches, compressed as Syncline does.
const PYARROW: &str = "pyarrow==26.0.1";

const CSV_TO_PARQUET: &str = "
import sys, pyarrow as pa, pyarrow.csv as csv, pyarrow.parquet as pq
reader = csv.open_csv(sys.stdin.buffer, convert_options=csv.ConvertOptions(
    strings_can_be_null=True, quoted_strings_can_be_null=False,
    column_types={'mrr': pa.decimal128(10, 2), 'country': pa.string(), 'notes': pa.string()},
    true_values=['t'], false_values=['f']))
with pq.ParquetWriter(sys.argv[1], reader.schema, compression='zstd') as writer:
    for batch in reader:
        writer.write_batch(batch)
";

pub fn run(rows: u64, rounds: usize, report: &mut Report) {
    report.add(sqlite(rows, rounds));
    let databases = Databases::start(Durability::Full);
    databases.fill(rows);
    report.add(csv_to_postgres(&databases, rounds));
    report.add(postgres_to_parquet(&databases, rounds));
}

/// `sqlite3` on one file, in `folder`.
fn sqlite3(folder: &std::path::Path, file: &str, sql: &str) -> Command {
    let mut command = Command::new("sqlite3");
    command.args(["-bail", file, sql]).current_dir(folder);
    command
}

fn sqlite(rows: u64, rounds: usize) -> Figure {
    let mut figure = Figure::new('g', "SQLite to SQLite / ATTACH and INSERT", None);
    let (plain, meter) = (Meter::new(None), Meter::with_memory(None));
    let model = "{ table: customers, key: id }";
    let (source, target) = ("{ type: sqlite, path: source.db }", "{ type: sqlite, path: target.db }");
    let project = Customers::new(source, target, model, "customers", "write_mode: upsert");
    let folder = project.0.folder();
    plain.run(&mut sqlite3(folder, "source.db", &customers::sqlite(rows)));
    for _ in 0..rounds {
        let costs = [true, false].map(|with_sqlite3| {
            let _ = std::fs::remove_file(folder.join("target.db"));
            let create = format!("create table customers ({})", customers::SQLITE_COLUMNS);
            plain.run(&mut sqlite3(folder, "target.db", &create));
            project.forget();
            if with_sqlite3 {
                let copy =
                    "attach 'source.db' as source; insert into customers select * from source.customers;";
                plain.run(&mut sqlite3(folder, "target.db", copy))
            } else {
                meter.run(&mut project.run(&[]))
            }
        });
        figure.push(costs[1], costs[0]);
    }
    figure
}

fn csv_to_postgres(databases: &Databases, rounds: usize) -> Figure {
    let mut figure = Figure::new('g', "CSV to PostgreSQL / \\copy from csv", None);
    let process = Some(databases.process());
    let (plain, meter) = (Meter::new(process), Meter::with_memory(process));
    let target = format!("{{ type: postgres, url: \"{}\" }}", databases.target);
    let model = format!("{{ file: customers.csv, key: id, types: {} }}", customers::CSV_TYPES);
    let project =
        Customers::new("{ type: files, path: . }", &target, &model, "customers", "write_mode: upsert");
    let in_folder = |script: &str| {
        let mut command = databases.shell(script);
        command.current_dir(project.0.folder());
        command
    };
    let copy_out = "psql -qX -d \"$SOURCE\" -c '\\copy customers to customers.csv (format csv, header)'";
    plain.run(&mut in_folder(copy_out));
    for _ in 0..rounds {
        databases.clear_target();
        databases.checkpoint();
        let copy_in = "psql -qX -d \"$TARGET\" -c '\\copy customers from customers.csv (format csv, header)'";
        let baseline = plain.run(&mut in_folder(copy_in));
        databases.clear_target();
        databases.checkpoint();
        project.forget();
        figure.push_after(baseline, || meter.run(&mut project.run(&[])));
        databases.assert_equal("syncline, from CSV");
    }
    figure
}

fn postgres_to_parquet(databases: &Databases, rounds: usize) -> Figure {
    let mut figure = Figure::new('g', "PostgreSQL to Parquet / COPY csv | pyarrow", None);
    let process = Some(databases.process());
    let (plain, meter) = (Meter::new(process), Meter::with_memory(process));
    let python = environment("pyarrow", &[PYARROW]).join("python");
    let source = format!("{{ type: postgres, url: \"{}\" }}", databases.source);
    let model = "{ table: customers, key: id }";
    let project =
        Customers::new(&source, "{ type: files, path: . }", model, "customers.parquet", "write_mode: upsert");
    project.0.write("convert.py", CSV_TO_PARQUET);
    for _ in 0..rounds {
        let mut pipe = databases.shell(
            "psql -qX -d \"$SOURCE\" -c 'copy customers to stdout (format csv, header)' \
             | \"$PYTHON\" convert.py plain.parquet",
        );
        let baseline = plain.run(pipe.env("PYTHON", &python).current_dir(project.0.folder()));
        let _ = std::fs::remove_file(project.0.path("customers.parquet"));
        project.forget();
        figure.push_after(baseline, || meter.run(&mut project.run(&[])));
    }
    figure
}
