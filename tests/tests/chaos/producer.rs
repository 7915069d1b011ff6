//! Somebody who changes the source while runs go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use syncline_tests::seeded::Choices;
use tokio_postgres::{Client, NoTls};

use super::shape::Shape;

/// Changes in one transaction.
const CHANGES_MAX: u64 = 8;
/// Longest that a transaction is left open.
const OPEN_MS_MAX: u64 = 60;

/// Writers at the source, each with a connection of its own. The source's triggers keep its history,
/// so a writer need not know which of its transactions were committed.
pub struct Producer {
    is_over: Arc<AtomicBool>,
    writers: Vec<JoinHandle<()>>,
}

impl Producer {
    pub fn start(url: &str, shape: &Shape, writers: u64, seed: u64) -> Producer {
        let is_over = Arc::new(AtomicBool::new(false));
        let writers = (0..writers).map(|number| {
            let (url, shape, is_over) = (url.to_string(), shape.clone(), is_over.clone());
            let choices = Choices::of(&format!("writer {number}"), seed);
            std::thread::spawn(move || Writer { url, shape, choices, is_over }.work())
        });
        let writers = writers.collect();
        Producer { is_over, writers }
    }

    pub fn stop(self) {
        self.is_over.store(true, Ordering::SeqCst);
        for writer in self.writers {
            writer.join().expect("a writer of the source");
        }
    }
}

struct Writer {
    url: String,
    shape: Shape,
    choices: Choices,
    is_over: Arc<AtomicBool>,
}

impl Writer {
    fn work(mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            while !self.is_over.load(Ordering::SeqCst) {
                // The server may just be restarting.
                if let Ok((client, connection)) = tokio_postgres::connect(&self.url, NoTls).await {
                    tokio::spawn(connection);
                    let _ = self.change_until_it_fails(&client).await;
                }
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        });
    }

    async fn change_until_it_fails(&mut self, client: &Client) -> Result<(), tokio_postgres::Error> {
        client.batch_execute("set lock_timeout = '1s'; set synchronous_commit = on").await?;
        while !self.is_over.load(Ordering::SeqCst) {
            // In one message: a cursor of times is only as good as what the server shows of open writes,
            // and it shows a transaction from its first write on.
            client.batch_execute(&format!("begin; {}", self.change())).await?;
            for _ in 0..self.choices.below(CHANGES_MAX) {
                client.batch_execute(&self.change()).await?;
            }
            if self.choices.below(4) == 0 {
                tokio::time::sleep(Duration::from_millis(self.choices.below(OPEN_MS_MAX))).await;
            }
            let end = if self.choices.below(10) == 0 { "rollback" } else { "commit" };
            client.batch_execute(end).await?;
            let pause = self.choices.below(self.shape.pause.as_millis() as u64);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        Ok(())
    }

    /// An insert, an update, a removal, the return of an earlier content, or another key.
    fn change(&mut self) -> String {
        let id = self.id();
        match self.choices.below(10) {
            0..=3 => put(&self.shape, id, &mut self.choices),
            4 => format!("update item set note = 'note {}' where id = {id}", self.choices.below(1_000)),
            5 => format!("update item set name = name where id = {id}"),
            6 | 7 => format!("delete from item where id = {id}"),
            8 => {
                let columns = "name, note, amount, ratio, seen, raw, doc, tags";
                format!(
                    "update item i set ({columns}) = \
                     (select {columns} from history h where h.id = i.id order by version limit 1) where id = {id}"
                )
            }
            _ => {
                let other = self.id();
                format!(
                    "update item set id = {other} \
                     where id = {id} and not exists (select from item where id = {other})"
                )
            }
        }
    }

    fn id(&mut self) -> u64 {
        1 + self.choices.below(self.shape.rows * 2)
    }
}

/// Makes or replaces a row.
pub fn put(shape: &Shape, id: u64, choices: &mut Choices) -> String {
    let values = shape.values(choices);
    let columns: Vec<&str> = values.iter().map(|(column, _)| *column).collect();
    let literals: Vec<&str> = values.iter().map(|(_, literal)| literal.as_str()).collect();
    let replaced: Vec<String> =
        columns.iter().map(|column| format!("{column} = excluded.{column}")).collect();
    format!(
        "insert into item (id, {}) values ({id}, {}) on conflict (id) do update set {}",
        columns.join(", "),
        literals.join(", "),
        replaced.join(", ")
    )
}
