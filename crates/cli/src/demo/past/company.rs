//! The company's own systems: what is in them at first, and how people's work changes it.
//!
//! The same hours of work happen in every demo, whatever else happens.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction, params};
use syncline_core::{Error, ErrorKind, Result};

use crate::demo::data::{country, decimal};
use crate::demo::random::Random;
use crate::demo::words::{COFFEES, COMPANY_KINDS, COMPANY_STEMS, FIRST_NAMES, LAST_NAMES, ROASTS, WEIGHTS};

/// Any number; it only has to stay the same.
const SEED: u64 = 1_907;
const COMPANIES: usize = 110;
const CUSTOMERS: usize = 480;
/// Tidewater's own people, among the customers.
const INTERNAL: usize = 9;
const ORDERS: usize = 4_000;
/// Orders before the first day are spread over so many days.
const ORDERED_FOR_DAYS: i64 = 90;
const LEADS: usize = 70;
const SUBSCRIPTIONS: usize = 380;
const SUBSCRIBERS: usize = 320;
const SHOPS: [&str; 8] =
    ["Altona", "Bergen", "Camden", "Delft", "Gracia", "Malmo", "Prenzlauer Berg", "Vesterbro"];
/// Articles that a shop has on its shelves.
const ARTICLES_PER_SHOP: usize = 100;
const PLANS: [(&str, usize); 3] = [("starter", 9), ("office", 19), ("campus", 29)];
const MRR: [usize; 11] = [29, 29, 49, 79, 149, 149, 290, 480, 890, 1_450, 2_600];
/// How long the demo waits for a run that reads a database.
const BUSY: Duration = Duration::from_secs(10);

/// What happens to a company's data.
pub struct Company {
    folder: PathBuf,
    /// Until when people's work is in the data.
    worked_until: Timestamp,
    /// The form for new customers loses what stands behind the @.
    pub form_is_broken: bool,
}

/// Its databases and files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Warehouse,
    Crm,
    Finance,
    Stores,
    NewsletterExport,
}

impl Place {
    fn file(self) -> &'static str {
        match self {
            Place::Warehouse => "data/warehouse.db",
            Place::Crm => "data/crm.db",
            Place::Finance => "data/finance.db",
            Place::Stores => "data/stores.db",
            Place::NewsletterExport => "shared/newsletter-export.csv",
        }
    }
}

impl Company {
    /// One that is there already, as it is at `now`.
    pub fn at(folder: &Path, now: Timestamp) -> Self {
        Self { folder: folder.to_path_buf(), worked_until: now, form_is_broken: false }
    }

    /// Makes the databases with `schemas` and fills the warehouse as it was at `first`.
    pub fn found(folder: &Path, schemas: &[(Place, &str)], first: Timestamp) -> Result<Self> {
        let company = Self::at(folder, first);
        std::fs::create_dir_all(folder.join("data"))?;
        std::fs::create_dir_all(folder.join("shared"))?;
        for (place, schema) in schemas {
            company.change(*place, schema)?;
        }
        company.write(Place::NewsletterExport, &newsletter_export())?;
        company.in_warehouse(|tx| fill(tx, &mut Random::new(SEED), first))?;
        Ok(company)
    }

    pub fn path(&self, place: Place) -> PathBuf {
        self.folder.join(place.file())
    }

    fn open(&self, place: Place) -> rusqlite::Result<Connection> {
        let connection = Connection::open(self.path(place))?;
        connection.busy_timeout(BUSY)?;
        // The example's data can be made again.
        connection.pragma_update(None, "synchronous", "off")?;
        Ok(connection)
    }

    /// Runs statements on a database, all of them or none.
    pub fn change(&self, place: Place, statements: &str) -> Result<()> {
        let changed = self.open(place).and_then(|mut connection| {
            let tx = connection.transaction()?;
            tx.execute_batch(statements)?;
            tx.commit()
        });
        changed.map_err(|e| database(place, &e))
    }

    pub fn write(&self, place: Place, text: &str) -> Result<()> {
        Ok(std::fs::write(self.path(place), text)?)
    }

    /// Takes a file away from where it belongs.
    pub fn move_away(&self, place: Place) -> Result<()> {
        Ok(std::fs::rename(self.path(place), self.path(place).with_extension("moved"))?)
    }

    pub fn move_back(&self, place: Place) -> Result<()> {
        Ok(std::fs::rename(self.path(place).with_extension("moved"), self.path(place))?)
    }

    fn in_warehouse(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>) -> Result<()> {
        let done = self.open(Place::Warehouse).and_then(|mut connection| {
            let tx = connection.transaction()?;
            work(&tx)?;
            tx.commit()
        });
        done.map_err(|e| database(Place::Warehouse, &e))
    }

    /// Lets people work until `to`, as they do: on weekdays, by day, hour by hour.
    pub fn work_until(&mut self, to: Timestamp) -> Result<()> {
        if self.worked_until + HOUR > to || !self.path(Place::Warehouse).exists() {
            return Ok(());
        }
        let (mut from, is_broken) = (self.worked_until, self.form_is_broken);
        self.in_warehouse(|tx| {
            while from + HOUR <= to {
                let random = &mut Random::new(SEED ^ (from.as_second() / 3_600).unsigned_abs());
                let here = from.to_zoned(berlin());
                let is_working_time =
                    here.weekday().to_monday_one_offset() <= 5 && (8..19).contains(&here.hour());
                work(tx, random, (from, from + HOUR), is_working_time, is_broken)?;
                from += HOUR;
            }
            Ok(())
        })?;
        self.worked_until = from;
        Ok(())
    }

    /// As much as in an hour of work, done between the last one and `now`.
    pub fn work_fast(&mut self, now: Timestamp) -> Result<()> {
        let from = self.worked_until;
        let random = &mut Random::new(SEED ^ from.as_microsecond().unsigned_abs());
        self.in_warehouse(|tx| work(tx, random, (from, now), true, false))?;
        self.worked_until = now;
        Ok(())
    }

    /// People who change their mind about the newsletter.
    pub fn change_consents(&self, number: usize, at: Timestamp) -> Result<()> {
        let mut text = std::fs::read_to_string(self.path(Place::NewsletterExport))?;
        let random = &mut Random::new(SEED ^ at.as_second().unsigned_abs());
        for _ in 0..number {
            let who = random.below(SUBSCRIBERS + 40);
            text += &format!("{},{},{at:.0}\n", subscriber(who), random.chance(40));
        }
        self.write(Place::NewsletterExport, &text)
    }
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Where the company is; in UTC where the machine does not know the zone.
pub fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC)
}

fn database(place: Place, error: &rusqlite::Error) -> Error {
    Error::new(ErrorKind::LocalIo, format!("{} of the example: {error}", place.file()))
}

fn fill(tx: &Transaction<'_>, random: &mut Random, first: Timestamp) -> rusqlite::Result<()> {
    for _ in 0..COMPANIES {
        add_company(tx, random)?;
    }
    for n in 0..CUSTOMERS {
        let signed_up = first - SignedDuration::from_hours(24 * (30 + random.below(1_200) as i64));
        add_customer(tx, random, signed_up, n < INTERNAL, false)?;
    }
    products(tx, random)?;
    let span = SignedDuration::from_hours(24 * ORDERED_FOR_DAYS);
    for n in 0..ORDERS {
        let share = n as f64 / ORDERS as f64;
        add_order(tx, random, first - span.mul_f64(1.0 - share))?;
    }
    for _ in 0..LEADS {
        add_lead(tx, random)?;
    }
    for _ in 0..SUBSCRIPTIONS {
        let started = first - SignedDuration::from_hours(24 * (5 + random.below(500) as i64));
        add_subscription(tx, random, started)?;
    }
    let mut insert = tx.prepare("insert into stock values (?, ?, ?)")?;
    for shop in SHOPS {
        for article in 0..ARTICLES_PER_SHOP {
            insert.execute(params![shop, sku(article), random.below(60)])?;
        }
    }
    Ok(())
}

/// What people do in an hour, at moments between both.
fn work(
    tx: &Transaction<'_>,
    random: &mut Random,
    (from, to): (Timestamp, Timestamp),
    is_working_time: bool,
    form_is_broken: bool,
) -> rusqlite::Result<()> {
    let orders = if is_working_time { 3 + random.below(5) } else { random.below(2) };
    let span = to.duration_since(from);
    for n in 0..orders {
        add_order(tx, random, from + span.mul_f64((n as f64 + 0.5) / orders as f64))?;
    }
    if !is_working_time {
        return Ok(());
    }
    for _ in 0..random.below(3) {
        add_customer(tx, random, from, false, form_is_broken)?;
    }
    if random.chance(12) {
        add_company(tx, random)?;
    }
    if random.chance(30) {
        add_lead(tx, random)?;
    }
    if random.chance(45) {
        add_subscription(tx, random, from)?;
    }
    if random.chance(50) {
        let (mrr, id) = (money(random), any(tx, random, "customers")?);
        tx.execute("update customers set mrr = ? where id = ? and internal = 0", params![mrr, id])?;
    }
    if random.chance(35) {
        let (seats, id) = (2 + random.below(60), any(tx, random, "subscriptions")?);
        tx.execute(
            "update subscriptions set seats = ?1, monthly_amount = monthly_amount / seats * ?1 where id = ?2",
            params![seats, id],
        )?;
    }
    if random.chance(12) {
        let id = any(tx, random, "customers")?;
        tx.execute(
            "delete from customers where id = ? and internal = 0
             and id not in (select customer_id from subscriptions)",
            [id],
        )?;
    }
    for _ in 0..4 {
        let (units, article) = (random.below(60), sku(random.below(ARTICLES_PER_SHOP)));
        tx.execute(
            "update stock set units = ? where shop = ? and sku = ?",
            params![units, random.pick(&SHOPS), article],
        )?;
    }
    if random.chance(40) {
        let (stock, article) = (random.below(6), sku(random.below(COFFEES.len() * ROASTS.len())));
        tx.execute("update products set stock = ? where sku = ?", params![stock, article])?;
    }
    if random.chance(10) {
        let article = sku(random.below(COFFEES.len() * ROASTS.len()));
        tx.execute("update products set price = round(price * 1.05, 2) where sku = ?", [article])?;
    }
    Ok(())
}

/// Some id of a table. Gaps are where somebody left.
fn any(tx: &Transaction<'_>, random: &mut Random, table: &str) -> rusqlite::Result<usize> {
    let last: usize = tx.query_row(&format!("select max(id) from {table}"), [], |row| row.get(0))?;
    Ok(1 + random.below(last))
}

fn next(tx: &Transaction<'_>, table: &str) -> rusqlite::Result<usize> {
    tx.query_row(&format!("select coalesce(max(id), 0) + 1 from {table}"), [], |row| row.get(0))
}

fn add_company(tx: &Transaction<'_>, random: &mut Random) -> rusqlite::Result<()> {
    let id = next(tx, "companies")?;
    let i = id - 1;
    // Each round over the stems begins one kind later, so that no name comes twice.
    let stem = COMPANY_STEMS[i % COMPANY_STEMS.len()];
    let kind = COMPANY_KINDS[(i + i / COMPANY_STEMS.len()) % COMPANY_KINDS.len()];
    let round = i / (COMPANY_STEMS.len() * COMPANY_KINDS.len());
    let number = if round == 0 { String::new() } else { format!(" {}", round + 1) };
    let domain = format!("{stem}-{kind}{number}.example").to_lowercase().replace(' ', "-");
    let employees = [5, 12, 30, 80, 180, 400, 1_200][random.below(7)] + random.below(20);
    tx.prepare_cached("insert into companies values (?, ?, ?, ?, ?)")?.execute(params![
        id,
        format!("{stem} {kind}{number}"),
        domain,
        country(random).0,
        employees
    ])?;
    Ok(())
}

fn person(random: &mut Random) -> (&'static str, &'static str) {
    (*random.pick(&FIRST_NAMES), *random.pick(&LAST_NAMES))
}

fn add_customer(
    tx: &Transaction<'_>,
    random: &mut Random,
    signed_up: Timestamp,
    internal: bool,
    form_is_broken: bool,
) -> rusqlite::Result<()> {
    let id = next(tx, "customers")?;
    let company = any(tx, random, "companies")?;
    let (first, last) = person(random);
    let domain: String = match internal {
        true => "tidewater.example".into(),
        false => tx.query_row("select domain from companies where id = ?", [company], |row| row.get(0))?,
    };
    // The number keeps addresses apart where names repeat.
    let mut email = format!("{first}.{last}{id}@{domain}").replace(' ', "");
    if form_is_broken {
        email.truncate(email.find('@').map_or(0, |at| at + 1));
    }
    let phone = format!("{} {:03} {:04}", country(random).1, random.below(1_000), random.below(10_000));
    let phone = random.chance(80).then_some(phone);
    let signed_up = signed_up.to_zoned(berlin()).date().to_string();
    tx.prepare_cached("insert into customers values (?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute(params![
        id,
        company,
        first,
        last,
        email,
        phone,
        money(random),
        signed_up,
        internal
    ])?;
    Ok(())
}

fn money(random: &mut Random) -> String {
    format!("{}.{:02}", random.pick(&MRR), [0, 0, 50, 90][random.below(4)])
}

fn sku(article: usize) -> String {
    format!("TW-{:03}", article + 1)
}

fn products(tx: &Transaction<'_>, random: &mut Random) -> rusqlite::Result<()> {
    let mut insert = tx.prepare("insert into products values (?, ?, ?, ?, ?, ?, 1)")?;
    for i in 0..COFFEES.len() * ROASTS.len() {
        let (roast, category) = ROASTS[i % ROASTS.len()];
        let weight = *random.pick(&WEIGHTS);
        let price = decimal(weight as usize * (3 + random.below(3)) - 10);
        let name = format!("{} {roast}", COFFEES[i / ROASTS.len()]);
        insert.execute(params![sku(i), name, category, weight, price, random.below(400)])?;
    }
    Ok(())
}

fn add_order(tx: &Transaction<'_>, random: &mut Random, at: Timestamp) -> rusqlite::Result<()> {
    let (id, customer) = (next(tx, "orders")?, any(tx, random, "customers")?);
    let (article, quantity) = (sku(random.below(COFFEES.len() * ROASTS.len())), 1 + random.below(12));
    let at = format!("{at:.0}");
    tx.prepare_cached(
        "insert into orders select ?1, ?2, sku, ?3, round(price * ?3, 2), ?4 from products where sku = ?5",
    )?
    .execute(params![id, customer, quantity, at, article])?;
    Ok(())
}

fn add_lead(tx: &Transaction<'_>, random: &mut Random) -> rusqlite::Result<()> {
    let (id, (first, last)) = (next(tx, "leads")?, person(random));
    let email = format!("{first}.{last}{id}@prospect.example").replace(' ', "").to_lowercase();
    let source = *random.pick(&["fair", "web form", "recommendation", "phone"]);
    tx.prepare_cached("insert into leads values (?, ?, ?, ?)")?.execute(params![
        id,
        format!("{first} {last}"),
        email,
        source
    ])?;
    Ok(())
}

fn add_subscription(tx: &Transaction<'_>, random: &mut Random, started: Timestamp) -> rusqlite::Result<()> {
    let (id, customer) = (next(tx, "subscriptions")?, any(tx, random, "customers")?);
    let (plan, price) = *random.pick(&PLANS);
    let seats = 2 + random.below(40);
    let started = started.to_zoned(berlin()).date();
    tx.prepare_cached("insert into subscriptions values (?, ?, ?, ?, ?, 'running', ?)")?.execute(params![
        id,
        customer,
        plan,
        seats,
        price * seats,
        started.to_string()
    ])?;
    tx.prepare_cached("insert into invoices values (?, ?, ?, ?, ?)")?.execute(params![
        format!("R-{:05}", 10_000 + id),
        id,
        price * seats,
        started.to_string(),
        random.chance(85)
    ])?;
    Ok(())
}

/// The newsletter tool's export. It gets a line for each time that somebody changes their mind.
fn newsletter_export() -> String {
    let random = &mut Random::new(SEED + 1);
    let mut text = String::from("email,opted_in,changed_at\n");
    for n in 0..SUBSCRIBERS {
        let on =
            format!("20{}-{:02}-{:02}", 23 + random.below(2), 1 + random.below(12), 1 + random.below(28));
        text += &format!("{},{},{on}T08:00:00Z\n", subscriber(n), random.chance(85));
    }
    text
}

fn subscriber(n: usize) -> String {
    let first = FIRST_NAMES[n % FIRST_NAMES.len()];
    let last = LAST_NAMES[(n / FIRST_NAMES.len() * 7 + n) % LAST_NAMES.len()].replace(' ', "");
    format!("{first}.{last}@reader.example").to_lowercase()
}
