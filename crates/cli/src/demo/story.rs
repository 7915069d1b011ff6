//! The chapters of the demo. Whatever a chapter claims in words it also checks.

use serde_json::Value;
use syncline_core::Result;

use super::data::{COMPANIES, CUSTOMERS, INTERNAL, ORDERS, PRODUCTS_SOLD, SUBSCRIBERS, SUBSCRIBERS_TWICE};
use super::folder::{CRM_FILE, CRM_TEXT, Script};
use super::stage::{Counts, Stage};
use crate::exit::Exit;

// What `setup/dirt.sql` spoils.
const BAD_COMPANIES: u64 = 1;
const BAD_CONTACTS: u64 = 20;
/// A customer whose address is wrong at first and corrected later.
const CORRECTED: &str = "204";

// What `setup/changes.sql` does.
const CONTACTS_CORRECTED: u64 = 2;
const CONTACTS_ADDED: u64 = 10;
const CONTACTS_UPGRADED: u64 = 15;
const CONTACTS_LEFT: u64 = 6;
const PRICES_CHANGED: u64 = 8;
const ORDERS_ADDED: u64 = 25;

const COMPANIES_AT_FIRST: u64 = COMPANIES as u64 - BAD_COMPANIES;
const CONTACTS_AT_FIRST: u64 = (CUSTOMERS - INTERNAL) as u64 - BAD_CONTACTS;
const CONTACTS_AFTER_CHANGES: u64 = CONTACTS_AT_FIRST + CONTACTS_CORRECTED + CONTACTS_ADDED - CONTACTS_LEFT;

pub fn tell(stage: &mut Stage) -> Result<()> {
    introduce(stage);
    check(stage)?;
    plan(stage)?;
    first_run(stage)?;
    second_run(stage)?;
    let working_day = changes(stage)?;
    history(stage)?;
    mistake(stage)?;
    removal(stage)?;
    overview(stage, &working_day)
}

fn introduce(stage: &Stage) {
    stage.title("Syncline, shown on an example");
    stage.say(
        "Tidewater Coffee supplies offices. Their analysts keep a warehouse; their sales people work in \
         a CRM; the web shop reads a file. Syncline keeps the three in agreement. The databases are \
         SQLite files with 2,000 customers, 200 companies, 120 products and 5,000 orders, not all of \
         them in order. Every output below is that of the real command, run in the project's folder:",
    );
    stage.path();
}

fn check(stage: &mut Stage) -> Result<()> {
    stage.chapter(
        "Does it fit together?",
        "`check` connects to both ends and compares model, mapping and target, types included, \
         before anything runs. Five syncs are defined; here is one.",
    )?;
    stage.command(&["check", "crm.contact"], Exit::Done)?;
    let checked = stage.answer(&["check"], Exit::Done)?;
    stage.expect("checked syncs", Some(5), checked.as_array().map(Vec::len));
    Ok(())
}

fn plan(stage: &mut Stage) -> Result<()> {
    stage.chapter(
        "What would happen?",
        "A plan is a run of type test: it finds out how many records would be created, updated and \
         deleted, and which, and writes nothing. Rows that cannot be sent show already.",
    )?;
    stage.command(&["plan", "crm.contact", "--limit", "1"], Exit::RowErrors)?;
    let written = stage.folder.count_in_crm("select count(*) from contact")?;
    stage.expect("contacts after the plan", 0, written);
    Ok(())
}

fn first_run(stage: &mut Stage) -> Result<()> {
    stage.chapter(
        "The first run",
        "Now for real, companies before the contacts that refer to them. The CRM refuses some rows. \
         They are named, and they do not keep the others from arriving.",
    )?;
    stage.command(&["run", "--all", "--type", "one_time"], Exit::RowErrors)?;
    stage.expect_run("crm.company", created(COMPANIES_AT_FIRST, BAD_COMPANIES))?;
    stage.expect_run("crm.contact", created(CONTACTS_AT_FIRST, BAD_CONTACTS))?;
    stage.expect_run("crm.order", created(ORDERS as u64, 0))?;
    stage.expect_run("shop.product", created(PRODUCTS_SOLD as u64, 0))?;
    let consents = stage.last_run("newsletter.consent")?;
    stage.expect(
        "rows of the newsletter export",
        Some((SUBSCRIBERS + SUBSCRIBERS_TWICE) as u64),
        consents["rows_processed"].as_u64(),
    );
    let delivered = stage.folder.count_in_crm("select count(*) from contact")?;
    stage.expect("contacts in the CRM", CONTACTS_AT_FIRST, delivered);
    let subscribers = stage.folder.count_in_crm("select count(*) from newsletter_consent")?;
    stage.expect("subscribers in the CRM", SUBSCRIBERS as u64, subscribers);

    stage.say("\nEach failed row has its own line: which row, which field, why, and the value.");
    let id = stage.last_run_id("crm.contact")?;
    stage.command(&["errors", &id, "--per-page", "7"], Exit::Done)?;
    let errors = stage.answer(&["errors", &id], Exit::Done)?;
    stage.expect("errors of the run", Some(BAD_CONTACTS), errors["total_errors"].as_u64());

    stage.say(
        "\nAnd each waits as a dead letter, with its source row and what was sent (`dlq show`), until it \
         gets through.",
    );
    stage.command(&["dlq", "list", "--code", "unique_violation"], Exit::Done)?;
    let waiting = open_letters(stage)?.len() as u64;
    stage.expect("open dead letters", BAD_CONTACTS, waiting);
    Ok(())
}

fn created(created: u64, failed: u64) -> Counts {
    Counts { created, failed, ..Counts::default() }
}

fn open_letters(stage: &mut Stage) -> Result<Vec<Value>> {
    let list = stage.answer(&["dlq", "list", "--sync", "crm.contact", "--limit", "200"], Exit::Done)?;
    Ok(list["data"].as_array().cloned().unwrap_or_default())
}

fn second_run(stage: &mut Stage) -> Result<()> {
    stage.chapter(
        "Again: nothing is written",
        "Syncline remembers what it delivered. A second run reads the models, finds no difference and \
         writes nothing; the CRM refuses the bad rows once more.",
    )?;
    stage.command(&["run", "crm.contact", "shop.product"], Exit::RowErrors)?;
    let skipped = CONTACTS_AT_FIRST;
    stage.expect_run("crm.contact", Counts { skipped, failed: BAD_CONTACTS, ..Counts::default() })?;
    stage.expect_run("shop.product", Counts { skipped: PRODUCTS_SOLD as u64, ..Counts::default() })
}

/// Returns the run that brought the changes of the contacts.
fn changes(stage: &mut Stage) -> Result<String> {
    stage.folder.run(Script::Changes)?;
    stage.chapter(
        "A working day later",
        "In the warehouse (setup/changes.sql): 2 wrong e-mail addresses and a missing country are \
         corrected, 15 customers pay more, 10 are new, 6 have left; 8 prices rose; 25 orders came in. \
         Only these differences travel; orders are read from where the last run stopped.",
    )?;
    stage.command(&["run", "crm", "shop"], Exit::RowErrors)?;
    stage
        .expect_run("crm.company", Counts { created: 1, skipped: COMPANIES_AT_FIRST, ..Counts::default() })?;
    let run = stage.last_run("crm.contact")?;
    let found = ["rows_created", "rows_updated", "rows_deleted"].map(|name| run[name].as_u64());
    let told = [CONTACTS_CORRECTED + CONTACTS_ADDED, CONTACTS_UPGRADED, CONTACTS_LEFT].map(Some);
    stage.expect("contacts created, updated, deleted", told, found);
    let orders = stage.last_run("crm.order")?;
    stage.expect("new orders", Some(ORDERS_ADDED), orders["rows_created"].as_u64());
    let skipped = PRODUCTS_SOLD as u64 - PRICES_CHANGED;
    stage.expect_run("shop.product", Counts { updated: PRICES_CHANGED, skipped, ..Counts::default() })?;
    let contacts = stage.folder.count_in_crm("select count(*) from contact")?;
    stage.expect("contacts in the CRM", CONTACTS_AFTER_CHANGES, contacts);
    let orders = stage.folder.count_in_crm("select count(*) from order_event")?;
    stage.expect("orders in the CRM", ORDERS as u64 + ORDERS_ADDED, orders);
    let left = open_letters(stage)?.len() as u64;
    stage.expect("open dead letters", BAD_CONTACTS - CONTACTS_CORRECTED, left);
    stage.last_run_id("crm.contact")
}

fn history(stage: &mut Stage) -> Result<()> {
    stage.chapter(
        "What happened to this one?",
        "The life of one record, whatever the run: refused twice, then corrected at the source and \
         delivered. Its dead letter closed by itself.",
    )?;
    stage.command(&["history", "crm.contact", CORRECTED, "--limit", "3"], Exit::Done)?;
    let history = stage.answer(&["history", "crm.contact", CORRECTED], Exit::Done)?;
    let events = history["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let results: Vec<_> = events.iter().filter_map(|event| event["result"].as_str()).collect();
    stage.expect("what happened to the contact", vec!["created", "failed", "failed", "planned"], results);
    Ok(())
}

fn mistake(stage: &mut Stage) -> Result<()> {
    let right = "where internal = 0";
    let wrong = "where internal = 1";
    stage.folder.write(CRM_FILE, &CRM_TEXT.replace(right, wrong))?;
    stage.chapter(
        "A slip of the pen",
        &format!(
            "Somebody edits {CRM_FILE} and writes `{wrong}` for `{right}`: almost every customer \
             leaves the model. A mirror would delete them all. Guards look at the plan first."
        ),
    )?;
    let before = stage.folder.count_in_crm("select count(*) from contact")?;
    stage.command(&["run", "crm.contact"], Exit::Held)?;
    stage.say("\nNothing was written, and the exit code is 4. We end the run and take the edit back.");
    let id = stage.last_run_id("crm.contact")?;
    stage.command(&["reject", &id], Exit::Done)?;
    stage.folder.write(CRM_FILE, CRM_TEXT)?;
    let after = stage.folder.count_in_crm("select count(*) from contact")?;
    stage.expect("contacts after the mistake", before, after);
    Ok(())
}

fn removal(stage: &mut Stage) -> Result<()> {
    let british = "select count(*) from contact join company on company.external_id = contact.company_id \
                   where company.country = 'GB'";
    let leaving = stage.folder.count_in_crm(british)?;
    let all = stage.folder.count_in_crm("select count(*) from contact")?;
    stage.folder.run(Script::LeaveUnitedKingdom)?;
    stage.chapter(
        "And when it is meant?",
        "Tidewater stops serving the United Kingdom and removes those customers. That is more than the \
         10 % which syncline.yaml allows, so the run waits for a person, who looks and approves.",
    )?;
    stage.command(&["run", "crm.contact"], Exit::Held)?;
    let id = stage.last_run_id("crm.contact")?;
    stage.command(&["approve", &id], Exit::RowErrors)?;
    let run = stage.last_run("crm.contact")?;
    stage.expect("deleted contacts", Some(leaving), run["rows_deleted"].as_u64());
    let left = stage.folder.count_in_crm("select count(*) from contact")?;
    stage.expect("contacts that stay", all - leaving, left);
    Ok(())
}

fn overview(stage: &mut Stage, working_day: &str) -> Result<()> {
    stage.chapter(
        "Looking back",
        "Every sync at a glance, every run of one, and one run in full: that of the working day.",
    )?;
    stage.command(&["status"], Exit::Done)?;
    stage.command(&["runs", "crm.contact"], Exit::Done)?;
    let runs = stage.answer(&["runs", "crm.contact"], Exit::Done)?;
    stage.expect("runs of crm.contact", Some(6), runs.pointer("/pagination/total").and_then(Value::as_u64));
    stage.command(&["runs", "show", working_day], Exit::Done)
}
