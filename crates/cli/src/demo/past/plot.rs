//! What happened at Tidewater in the last four weeks.
//!
//! People act through the API, data changes at its source, systems fail by being made to fail; whatever
//! follows from it is the product's own doing. Where the story counts on how a run ends, it says so.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use syncline_core::Result;

use super::company::{Place, berlin};
use super::player::{Person, Player, id};

/// The moments of the story.
pub struct Days {
    first: Timestamp,
}

impl Days {
    /// Four weeks that end today.
    pub fn until(today: Timestamp) -> Result<Self> {
        let days = SignedDuration::from_hours(24 * 27);
        let first = (today - days).to_zoned(berlin()).start_of_day();
        let first = first.map_err(|e| syncline_core::Error::internal(e.to_string()))?;
        Ok(Self { first: first.timestamp() })
    }

    /// A time of a day, counted from 0; the last two days are told backwards from now.
    fn at(&self, day: i64, hour: i64, minute: i64) -> Timestamp {
        self.first + SignedDuration::from_mins((day * 24 + hour) * 60 + minute)
    }

    pub fn first(&self) -> Timestamp {
        self.first
    }
}

/// Those who work with Syncline.
pub struct People {
    ada: Person,
    jonas: Person,
}

pub async fn play(player: &mut Player<'_>, days: &Days) -> Result<()> {
    let people = first_days(player, days).await?;
    second_week(player, days, &people).await?;
    third_week(player, days, &people).await?;
    fourth_week(player, days, &people).await?;
    last_day(player, &people).await
}

async fn first_days(player: &mut Player<'_>, days: &Days) -> Result<People> {
    player.until(days.at(0, 8, 0)).await?;
    let machine = player.first_person()?;
    let ada = player.invite(&machine, "Ada Lindqvist", "admin", None).await?;
    let jonas = player.invite(&ada, "Jonas Weber", "operator", None).await?;
    player.invite(&ada, "Wallboard in the office", "viewer", None).await?;
    player.invite(&ada, "Nightly build", "operator", Some(14)).await?;
    // What years of typing, imports and migrations left behind.
    player.company.change(Place::Warehouse, include_str!("../workspace/setup/dirt.sql"))?;
    // The way to a new sync: test, once, test again, activate.
    for sync in ["crm.company", "crm.contact", "crm.order"] {
        player.run(&ada, sync, "test").await?;
        player.run(&ada, sync, "one_time").await?;
        player.run(&ada, sync, "test").await?;
    }
    for sync in ["crm.company", "crm.contact", "crm.order"] {
        ada.post(&["syncs", sync, "activate"]).await?;
    }
    player.until(days.at(0, 11, 20)).await?;
    for sync in ["shop.product", "newsletter.consent", "crm.lead"] {
        player.run(&ada, sync, "one_time").await?;
        ada.post(&["syncs", sync, "activate"]).await?;
    }

    player.until(days.at(1, 9, 30)).await?;
    let intern = player.invite(&ada, "Intern's laptop", "viewer", None).await?;
    player.until(days.at(2, 10, 15)).await?;
    ignore(&jonas, "crm.order", "amount").await?;
    player.until(days.at(2, 15, 40)).await?;
    player.company.change(
        Place::Warehouse,
        "update customers set email = replace(email, ' (at) ', '@') where email like '% (at) %';
         update companies set country = 'Denmark' where country is null and id % 2 = 0;",
    )?;

    // The books begin, as an instance that is made in the web app.
    player.until(days.at(3, 9, 5)).await?;
    let billing: Value = instance(include_str!("../workspace/made/billing.json"))?;
    ada.ask(Method::POST, &["instances"], &json!({ "document": billing, "seed": false })).await?;
    player.run(&ada, "billing.subscription", "seed").await?;
    player.pass(SignedDuration::from_mins(4)).await?;
    ada.post(&["syncs", "billing.subscription", "activate"]).await?;

    // The warehouse is restored from its backup and is gone for an hour.
    player.until(days.at(4, 7, 20)).await?;
    player.company.move_away(Place::Warehouse)?;
    player.until(days.at(4, 8, 45)).await?;
    player.last(&ada, "crm.company", "source_failure").await?;
    player.company.move_back(Place::Warehouse)?;
    player.until(days.at(6, 12, 0)).await?;
    ada.revoke(&intern).await?;
    Ok(People { ada, jonas })
}

async fn second_week(player: &mut Player<'_>, days: &Days, people: &People) -> Result<()> {
    let People { ada, jonas } = people;
    // A new form loses what stands behind the @, also of those who correct their address.
    player.until(days.at(7, 8, 0)).await?;
    player.company.form_is_broken = true;
    player.company.change(
        Place::Warehouse,
        "update customers set email = substr(email, 1, instr(email, '@')) where internal = 0 and id % 23 = 5",
    )?;
    player.until(days.at(9, 16, 30)).await?;
    player.company.form_is_broken = false;
    player.company.change(
        Place::Warehouse,
        "update customers set email = email || (select domain from companies where id = company_id)
         where email like '%@' and id % 46 <> 5",
    )?;

    // The export of the newsletter tool breaks off half way.
    player.until(days.at(9, 18, 0)).await?;
    let export = std::fs::read_to_string(player.company.path(Place::NewsletterExport))?;
    let half: String = export.lines().take(120).map(|line| format!("{line}\n")).collect();
    player.company.write(Place::NewsletterExport, &half)?;
    player.until(days.at(11, 9, 0)).await?;
    let held = player.last(ada, "newsletter.consent", "held").await?;
    jonas.post(&["runs", id(&held)?, "reject"]).await?;
    player.company.write(Place::NewsletterExport, &export)?;
    player.run(jonas, "newsletter.consent", "sync").await?;
    jonas.post(&["syncs", "crm.lead", "deactivate"]).await?;

    // Somebody tidies up in the warehouse, and an index is gone.
    player.until(days.at(12, 7, 0)).await?;
    player.company.change(Place::Warehouse, "drop index orders_by_customer")?;
    player.until(days.at(13, 3, 0)).await?;
    player
        .company
        .change(Place::Warehouse, "create index orders_by_customer on orders (customer_id, ordered_at)")
}

async fn third_week(player: &mut Player<'_>, days: &Days, people: &People) -> Result<()> {
    let People { ada, jonas } = people;
    // A day of free delivery.
    player.until(days.at(15, 9, 0)).await?;
    let promotion = format!(
        "insert into orders
         select id + (select max(id) from orders), customer_id, sku, quantity, amount, '{:.0}'
         from orders where id <= 240",
        player.now()
    );
    player.company.change(Place::Warehouse, &promotion)?;
    player.until(days.at(15, 19, 0)).await?;

    // A column gets another name, and its old one back.
    player.until(days.at(16, 14, 0)).await?;
    player.company.change(Place::Warehouse, "alter table subscriptions rename column plan to tariff")?;
    player.until(days.at(17, 10, 0)).await?;
    player.last(ada, "billing.subscription", "failed").await?;
    player.company.change(Place::Warehouse, "alter table subscriptions rename column tariff to plan")?;
    player.run(jonas, "billing.subscription", "one_time").await?;
    player.last(ada, "billing.subscription", "completed").await?;

    // A reseller leaves with all its people: more than a tenth, and meant.
    player.until(days.at(18, 13, 0)).await?;
    player.company.change(
        Place::Warehouse,
        "delete from customers where internal = 0 and id % 8 = 3
         and id not in (select customer_id from subscriptions where id < 120)",
    )?;
    player.run(jonas, "crm.contact", "sync").await?;
    let held = player.last(ada, "crm.contact", "held").await?;
    player.pass(SignedDuration::from_mins(50)).await?;
    ada.post(&["runs", id(&held)?, "approve"]).await?;
    player.pass(SignedDuration::from_mins(1)).await?;

    // The books get a rule of their own.
    player.until(days.at(20, 8, 30)).await?;
    player.company.change(Place::Finance, include_str!("../workspace/setup/seats.sql"))
}

async fn fourth_week(player: &mut Player<'_>, days: &Days, people: &People) -> Result<()> {
    let People { ada, jonas } = people;
    // Bad rows of an import, one of them corrected by hand.
    player.until(days.at(21, 9, 0)).await?;
    player.company.change(Place::Warehouse, include_str!("../workspace/setup/import.sql"))?;
    player.run(jonas, "crm.contact", "sync").await?;
    correct_one(player, jonas).await?;

    // The shops' stock comes in.
    player.until(days.at(22, 11, 0)).await?;
    let stock: Value = instance(include_str!("../workspace/made/stock.json"))?;
    ada.ask(Method::POST, &["instances"], &json!({ "document": stock, "seed": true })).await?;
    player.pass(SignedDuration::from_mins(2)).await?;
    ada.post(&["syncs", "stock.availability", "activate"]).await?;

    // Half the catalogue is switched off by mistake; who looks says no.
    player.until(days.at(23, 4, 30)).await?;
    player.company.change(Place::Warehouse, "update products set active = 0 where category = 'Filter'")?;
    player.until(days.at(23, 9, 15)).await?;
    let held = player.last(ada, "shop.product", "held").await?;
    ada.post(&["runs", id(&held)?, "reject"]).await?;
    player.company.change(Place::Warehouse, "update products set active = 1")?;
    player.run(ada, "shop.product", "one_time").await?;

    // Invoices are to follow. They are on their way: tested, sent once, tested again.
    player.until(days.at(24, 10, 0)).await?;
    for run_type in ["test", "one_time", "test"] {
        player.run(ada, "billing.invoice", run_type).await?;
        player.pass(SignedDuration::from_mins(6)).await?;
    }
    // The bookkeepers move house, and tell nobody.
    player.until(days.at(24, 17, 0)).await?;
    player.company.change(Place::Finance, "alter table subscription rename to subscription_until_now")?;
    player.until(days.at(25, 16, 20)).await?;
    ignore(jonas, "crm.contact", "name").await?;
    player.until(days.at(25, 23, 0)).await
}

async fn last_day(player: &mut Player<'_>, people: &People) -> Result<()> {
    let People { ada, jonas } = people;
    let ago = |minutes| Timestamp::now() - SignedDuration::from_mins(minutes);
    // Somebody stops a run that sends everything again.
    player.until(ago(7 * 60)).await?;
    slow_stock(player, ada).await?;
    let run = jonas.trigger("stock.availability", json!({ "cursor": "full", "trigger": "manual" })).await?;
    player.wait_for(jonas, &run, |run| run["phase"] == "writing").await?;
    tokio::time::sleep(std::time::Duration::from_millis(900)).await;
    jonas.post(&["runs", &run, "cancel"]).await?;
    player.wait_for(jonas, &run, |run| run["status"] == "cancelled").await?;

    // All espresso is marked as sold out for good. The catalogue waits for somebody who decides.
    player.until(ago(5 * 60 + 10)).await?;
    player.company.change(Place::Warehouse, "update products set active = 0 where category = 'Espresso'")?;
    player.run(jonas, "shop.product", "sync").await?;
    player.last(ada, "shop.product", "held").await?;

    player.until(ago(40)).await?;
    player.company.change_consents(12, player.now())?;
    player.run(jonas, "newsletter.consent", "sync").await?;
    player.until(ago(0) - SignedDuration::from_secs(285)).await?;
    ada.post(&["syncs", "stock.availability", "activate"]).await?;
    player.until(ago(0) - SignedDuration::from_secs(10)).await
}

fn instance(text: &str) -> Result<Value> {
    serde_json::from_str(text)
        .map_err(|e| syncline_core::Error::internal(format!("an instance of the demo: {e}")))
}

/// Decides about open letters with an error in one field.
async fn ignore(person: &Person, sync: &str, field: &str) -> Result<()> {
    let letters = person.find(&["dead-letters"], &[("sync_id", sync)]).await?;
    let ids: Vec<&Value> = letters.iter().filter(|l| l["field"] == field).map(|l| &l["id"]).collect();
    person.ask(Method::POST, &["dead-letters", "ignore"], &json!({ "ids": ids })).await?;
    Ok(())
}

/// Corrects the payload of a dead letter and sends it: of the first open one that then gets through.
async fn correct_one(player: &mut Player<'_>, person: &Person) -> Result<()> {
    let wanted = [("sync_id", "crm.contact"), ("state", "open"), ("code", "check_violation")];
    let letters = person.find(&["dead-letters"], &wanted).await?;
    for letter in letters.iter().filter(|letter| letter["field"] == "email") {
        let letter = id(letter)?;
        let payload = json!({ "payload": { "email": "reception@harbour-films.example" } });
        person.ask(Method::PATCH, &["dead-letters", letter], &payload).await?;
        let started = person
            .ask(Method::POST, &["dead-letters", letter, "replay"], &json!({ "mode": "edited" }))
            .await?;
        let run = id(&started["runs"][0])?;
        player.wait_for(person, run, |run| !run["completed_at"].is_null()).await?;
        if person.get(&["dead-letters", letter]).await?["state"] == "resolved_replay" {
            return player.pass(SignedDuration::from_mins(1)).await;
        }
    }
    Err(syncline_core::Error::internal("no contact with a bad address could be corrected"))
}

/// The shops' old system begins to count its totals again with each write; smaller chunks are to help.
async fn slow_stock(player: &mut Player<'_>, person: &Person) -> Result<()> {
    player.company.change(Place::Stores, include_str!("../workspace/setup/totals.sql"))?;
    let mut stock = instance(include_str!("../workspace/made/stock.json"))?;
    let entity = &mut stock["entities"]["availability"];
    entity["batch_size"] = json!(5);
    entity["publish"] = json!("progressive");
    entity["schedule"] = json!({ "every": "5m" });
    entity["mapping"]["valid_until"] = json!("valid_until");
    entity["model"]["sql"] = json!(
        "select shop || '/' || sku as id, shop, sku, units, \
         strftime('%Y-%m-%dT%H:%M:00Z', 'now', '+15 minutes') as valid_until from stock"
    );
    person.ask(Method::PUT, &["instances", "stock"], &json!({ "document": stock, "seed": false })).await?;
    person.post(&["syncs", "stock.availability", "deactivate"]).await?;
    Ok(())
}
