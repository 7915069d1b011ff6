//! The example's data: what the warehouse of a coffee supplier holds.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::{Connection, Transaction, params};

use super::random::Random;
use super::words::{
    COFFEES, COMPANY_KINDS, COMPANY_STEMS, COUNTRIES, FIRST_NAMES, LAST_NAMES, ROASTS, WEIGHTS,
};

pub const COMPANIES: usize = 200;
/// The last companies are prospects: nobody there is a customer yet.
const PROSPECTS: usize = 5;
pub const CUSTOMERS: usize = 2_000;
/// The last customers are Tidewater's own people, which no sync sends anywhere.
pub const INTERNAL: usize = 12;
pub const PRODUCTS: usize = COFFEES.len() * ROASTS.len();
/// Every fortieth product is not sold any more.
const DISCONTINUED_EVERY: usize = 40;
pub const PRODUCTS_SOLD: usize = PRODUCTS - PRODUCTS / DISCONTINUED_EVERY;
pub const ORDERS: usize = 5_000;
/// People in the newsletter export, and those who are in it a second time.
pub const SUBSCRIBERS: usize = 400;
pub const SUBSCRIBERS_TWICE: usize = 15;

/// Any number; it only has to stay the same.
const SEED: u64 = 1_852;

/// Makes the tables of `schema` and fills them with rows that are all right.
pub fn warehouse(path: &Path, schema: &str) -> rusqlite::Result<()> {
    let mut database = Connection::open(path)?;
    database.execute_batch(schema)?;
    let transaction = database.transaction()?;
    let random = &mut Random::new(SEED);
    let offices = companies(&transaction, random)?;
    customers(&transaction, random, &offices)?;
    let prices = products(&transaction, random)?;
    orders(&transaction, random, &prices)?;
    transaction.commit()
}

/// Where a company is, for the people who work there.
struct Office {
    domain: String,
    phone_prefix: &'static str,
}

fn companies(database: &Transaction, random: &mut Random) -> rusqlite::Result<Vec<Office>> {
    let mut insert = database.prepare("insert into companies values (?, ?, ?, ?, ?)")?;
    let mut offices = Vec::with_capacity(COMPANIES);
    for i in 0..COMPANIES {
        // Each round over the stems begins one kind later, so that no name comes twice.
        let stem = COMPANY_STEMS[i % COMPANY_STEMS.len()];
        let kind = COMPANY_KINDS[(i + i / COMPANY_STEMS.len()) % COMPANY_KINDS.len()];
        let (country, phone_prefix) = country(random);
        let domain = format!("{stem}-{kind}.example").to_lowercase();
        let employees = [5, 12, 30, 80, 180, 400, 1_200][random.below(7)] + random.below(20);
        insert.execute(params![i + 1, format!("{stem} {kind}"), domain, country, employees])?;
        offices.push(Office { domain, phone_prefix });
    }
    Ok(offices)
}

pub fn country(random: &mut Random) -> (&'static str, &'static str) {
    let mut left = random.below(COUNTRIES.iter().map(|(_, share, _)| share).sum());
    for (name, share, phone_prefix) in COUNTRIES {
        if left < share {
            return (name, phone_prefix);
        }
        left -= share;
    }
    (COUNTRIES[0].0, COUNTRIES[0].2)
}

fn customers(database: &Transaction, random: &mut Random, offices: &[Office]) -> rusqlite::Result<()> {
    let mut insert = database.prepare("insert into customers values (?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
    let mut addresses = HashSet::new();
    for id in 1..=CUSTOMERS {
        let internal = id > CUSTOMERS - INTERNAL;
        let company = 1 + random.below(COMPANIES - PROSPECTS);
        let Office { domain, phone_prefix } = &offices[company - 1];
        let domain = if internal { "tidewater.example" } else { domain };
        let (first, last) = (*random.pick(&FIRST_NAMES), *random.pick(&LAST_NAMES));
        let local = format!("{first}.{last}").replace(' ', "");
        let mut email = format!("{local}@{domain}");
        // As people type: capital letters, and now and then a space behind it.
        while !addresses.insert(email.to_lowercase()) {
            email = format!("{local}{}@{domain}", 2 + random.below(98));
        }
        if random.chance(8) {
            email.push(' ');
        }
        let phone = format!("{phone_prefix} {:03} {:04}", random.below(1_000), random.below(10_000));
        let phone = random.chance(80).then_some(phone);
        let plan = *random.pick(&[29, 29, 49, 79, 149, 149, 290, 480, 890, 1_450, 2_600]);
        let mrr = format!("{plan}.{:02}", [0, 0, 50, 90][random.below(4)]);
        let signed_up = day(random, 2021, 4);
        insert.execute(params![id, company, first, last, email, phone, mrr, signed_up, internal])?;
    }
    Ok(())
}

/// A day in one of `years` years. No month is longer than 28 days here.
fn day(random: &mut Random, first_year: usize, years: usize) -> String {
    let (year, month) = (first_year + random.below(years), 1 + random.below(12));
    format!("{year}-{month:02}-{:02}", 1 + random.below(28))
}

/// Article number and price, in cents, of each product.
fn products(database: &Transaction, random: &mut Random) -> rusqlite::Result<Vec<(String, usize)>> {
    let mut insert = database.prepare("insert into products values (?, ?, ?, ?, ?, ?, ?)")?;
    let mut prices = Vec::with_capacity(PRODUCTS);
    for i in 0..PRODUCTS {
        let coffee = COFFEES[i / ROASTS.len()];
        let (roast, category) = ROASTS[i % ROASTS.len()];
        let sku = format!("TW-{:03}", i + 1);
        let weight = *random.pick(&WEIGHTS);
        let cents = weight as usize * (3 + random.below(3)) - 10;
        let stock = if random.chance(10) { 0 } else { random.below(400) };
        let sold = !(i + 1).is_multiple_of(DISCONTINUED_EVERY);
        let name = format!("{coffee} {roast}");
        insert.execute(params![sku, name, category, weight, decimal(cents), stock, sold])?;
        prices.push((sku, cents));
    }
    Ok(prices)
}

fn orders(database: &Transaction, random: &mut Random, prices: &[(String, usize)]) -> rusqlite::Result<()> {
    let mut insert = database.prepare("insert into orders values (?, ?, ?, ?, ?, ?)")?;
    for id in 1..=ORDERS {
        let customer = 1 + random.below(CUSTOMERS - INTERNAL);
        let (sku, cents) = random.pick(prices);
        let quantity = 1 + random.below(12);
        // Later orders have later times: eighteen a day, from January to early October 2025.
        let (days, of_day) = ((id - 1) / 18, (id - 1) % 18);
        let at = format!(
            "2025-{:02}-{:02}T{:02}:{:02}:00Z",
            1 + days / 28,
            1 + days % 28,
            6 + of_day * 16 / 18,
            random.below(50)
        );
        insert.execute(params![id, customer, sku, quantity, decimal(cents * quantity), at])?;
    }
    Ok(())
}

pub fn decimal(cents: usize) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Makes the tables of the CRM, all empty.
pub fn crm(path: &Path, schema: &str) -> rusqlite::Result<()> {
    Connection::open(path)?.execute_batch(schema)
}

/// The newsletter tool's export. It has a line for each time that somebody changed their mind.
pub fn newsletter_export() -> String {
    let random = &mut Random::new(SEED + 1);
    let mut text = String::from("email,opted_in,changed_at\n");
    let address = |n: usize| {
        let first = FIRST_NAMES[n % FIRST_NAMES.len()];
        let last = LAST_NAMES[(n / FIRST_NAMES.len() * 7 + n) % LAST_NAMES.len()].replace(' ', "");
        format!("{first}.{last}@reader.example").to_lowercase()
    };
    for n in 0..SUBSCRIBERS {
        let wants = random.chance(85);
        text += &format!("{},{wants},{}T08:00:00Z\n", address(n), day(random, 2023, 2));
    }
    for n in 0..SUBSCRIBERS_TWICE {
        let on = day(random, 2025, 1);
        text += &format!("{},false,{on}T08:00:00Z\n", address(n * 20));
    }
    text
}

/// Runs statements on a database, all of them or none.
pub fn change(path: &Path, statements: &str) -> rusqlite::Result<()> {
    let mut database = Connection::open(path)?;
    let transaction = database.transaction()?;
    transaction.execute_batch(statements)?;
    transaction.commit()
}

/// The one number that a query answers.
pub fn count(path: &Path, query: &str) -> rusqlite::Result<u64> {
    Connection::open(path)?.query_row(query, [], |row| row.get(0))
}
