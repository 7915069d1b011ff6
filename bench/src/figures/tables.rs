//! Figures a to d: one PostgreSQL table to another.

use syncline_tests::postgres::Durability;

use crate::customers;
use crate::measure::Meter;
use crate::postgres::Databases;
use crate::project::{Customers, MIRROR};
use crate::report::{Figure, Report, Target};

pub fn run(rows: u64, rounds: usize, report: &mut Report) {
    let databases = Databases::start(Durability::Full);
    let process = Some(databases.process());
    let (plain, meter) = (Meter::new(process), Meter::with_memory(process));
    let project = Customers::tables(&databases, MIRROR);
    databases.fill(rows);

    let mut first = Figure::new('a', "first sync / COPY out | COPY in", Some(Target::Ratio(1.5)));
    let mut unchanged = Figure::new('b', "nothing changed / COPY out", Some(Target::Ratio(1.15)));
    let mut changed = Figure::new('c', "1 % changed / COPY out", Some(Target::Ratio(1.3)));
    let mut deleted = Figure::new('d', "1 % deleted (mirror) / COPY out", None);
    for round in 0..rounds {
        databases.clear_target();
        databases.checkpoint();
        let copy = plain.run(&mut databases.copy());
        databases.assert_equal("COPY");
        databases.clear_target();
        project.forget();
        databases.checkpoint();
        first.push(meter.run(&mut project.run(&[])), copy);

        let baseline = || {
            databases.checkpoint();
            plain.run(&mut databases.read())
        };
        unchanged.push_after(baseline(), || meter.run(&mut project.run(&[])));
        let some = format!("id % 100 = {}", round % 100);
        databases.change_source(&customers::change(&some));
        changed.push_after(baseline(), || meter.run(&mut project.run(&[])));
        databases.assert_equal("syncline, changed");
        databases.change_source(&format!("delete from customers where {some}"));
        deleted.push_after(baseline(), || meter.run(&mut project.run(&[])));
        databases.assert_equal("syncline, deleted");
        databases.change_source(&customers::insert(1, rows, &some.replace("id", "i")));
    }
    for figure in [first, unchanged, changed, deleted] {
        report.add(figure);
    }
}
