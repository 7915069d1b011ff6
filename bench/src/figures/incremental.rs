//! Figures e and f: what depends on the size of the table, and what should not.

use syncline_tests::postgres::Durability;

use crate::customers;
use crate::measure::{Cost, Meter};
use crate::postgres::Databases;
use crate::project::Customers;
use crate::report::{Figure, Report, Target};

/// Rows that change between two incremental runs.
const CHANGED_ROWS: u64 = 100;

/// First syncs and complete comparisons of two sizes, and incremental runs on each.
pub fn run(sizes: [u64; 2], rounds: usize, report: &mut Report) {
    let mut smaller: Option<[Cost; 2]> = None;
    for rows in sizes {
        let databases = Databases::start(Durability::Full);
        let process = Some(databases.process());
        let (plain, meter) = (Meter::new(process), Meter::with_memory(process));
        let project = Customers::with_cursor(&databases);
        databases.fill(rows);
        databases.clear_target();
        let copy = plain.run(&mut databases.copy());
        databases.clear_target();
        databases.checkpoint();
        let mut size = Figure::new('f', format!("{rows} rows: first sync / COPY"), None);
        let first = meter.run(&mut project.run(&[]));
        size.push(first, copy);
        report.add(size);
        databases.assert_equal("syncline, first");

        let read = plain.run(&mut databases.read());
        let mut again = Figure::new('f', format!("{rows} rows: compare all / COPY out"), None);
        let second = meter.run(&mut project.run(&["--cursor", "reset"]));
        again.push(second, read);
        report.add(again);

        let name = format!("{rows} rows, {CHANGED_ROWS} changed: by cursor");
        let mut incremental = Figure::new('e', name, Some(Target::Seconds(2.0)));
        for round in 0..rounds as u64 {
            // Spread over the whole table.
            let step = rows / CHANGED_ROWS;
            let some =
                format!("id in (select i * {step} - {round} from generate_series(1, {CHANGED_ROWS}) as i)");
            databases.change_source(&customers::change(&some));
            databases.checkpoint();
            incremental.push_alone(meter.run(&mut project.run(&[])));
        }
        report.add(incremental);
        databases.assert_equal("syncline, by cursor");

        let Some([smaller_first, smaller_second]) = smaller.replace([first, second]) else { continue };
        for (step, measured, baseline) in
            [("first sync", first, smaller_first), ("compare all", second, smaller_second)]
        {
            let name = format!("{step}: {rows} rows / {} rows", sizes[0]);
            let mut memory = Figure::new('f', name, Some(Target::Memory(1.2)));
            memory.push(measured, baseline);
            report.add(memory);
        }
    }
}
