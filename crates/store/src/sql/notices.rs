//! Messages to somebody outside: an outbox, filled in the transactions that the messages belong to.

use std::time::Duration;

use jiff::Timestamp;
use syncline_core::{Error, ErrorKind};

use super::conditions::Conditions;
use super::{Outcome, Row, Sql, WORKSPACE, blob, time, values};
use crate::{Delivery, NewNotice, Notice, NoticeState, Page};

/// Adds a notice, unless one of its id is there.
pub fn add(tx: &dyn Sql, notice: &NewNotice) -> Outcome<()> {
    tx.execute(
        "INSERT INTO notices (workspace_id, id, channel, state, attempts, created_at, next_attempt_at, record)
         VALUES (?, ?, ?, 'pending', 0, ?, ?, ?) ON CONFLICT (workspace_id, id) DO NOTHING",
        values![
            WORKSPACE,
            &notice.id,
            &notice.channel,
            notice.created_at,
            notice.created_at,
            blob::encode(notice)?
        ],
    )?;
    Ok(())
}

/// Those that are due, the longest due first; nobody else gets them for `lease`.
pub fn take_due(tx: &dyn Sql, now: Timestamp, limit: u64, lease: Duration) -> Outcome<Vec<Notice>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM notices WHERE workspace_id = ? AND state = 'pending' AND next_attempt_at <= ?
         ORDER BY next_attempt_at, id LIMIT ? {}",
        tx.dialect().for_update_skipping_locked()
    );
    let rows = tx.query(&sql, values![WORKSPACE, now, limit])?;
    let due: Vec<Notice> = rows.iter().map(read).collect::<Outcome<_>>()?;
    let until = now.saturating_add(lease).unwrap_or(Timestamp::MAX);
    for notice in &due {
        tx.execute(
            "UPDATE notices SET next_attempt_at = ? WHERE workspace_id = ? AND id = ?",
            values![until, WORKSPACE, &notice.notice.id],
        )?;
    }
    Ok(due)
}

/// The first end of a notice stands: an attempt that is told of later changes nothing.
pub fn settle(tx: &dyn Sql, id: &str, delivery: &Delivery) -> Outcome<()> {
    let pending = delivery.state == NoticeState::Pending;
    let delivered_at = (delivery.state == NoticeState::Delivered).then_some(delivery.at);
    let next = pending.then(|| delivery.next_attempt_at.unwrap_or(delivery.at));
    let settled = tx.execute(
        "UPDATE notices SET state = ?, attempts = attempts + 1, next_attempt_at = ?, delivered_at = ?,
             last_error = ?
         WHERE workspace_id = ? AND id = ? AND state = 'pending'",
        values![delivery.state.as_str(), next, delivered_at, delivery.error.as_deref(), WORKSPACE, id],
    )?;
    let there = "SELECT id FROM notices WHERE workspace_id = ? AND id = ?";
    if settled == 0 && tx.first_text(there, values![WORKSPACE, id])?.is_none() {
        return Err(Error::new(ErrorKind::NotFound, format!("there is no notice {id}")).into());
    }
    Ok(())
}

pub fn list(tx: &dyn Sql, channel: Option<&str>, page: Page) -> Outcome<(Vec<Notice>, u64)> {
    let mut conditions = Conditions::new();
    conditions.and_if("channel =", channel);
    let index = if channel.is_some() { "notices_of_channel" } else { "notices_newest" };
    let table = tx.dialect().by_index("notices", index);
    let (rows, total) = conditions.rows(tx, COLUMNS, &table, "created_at DESC, id DESC", page)?;
    Ok((rows.iter().map(read).collect::<Outcome<_>>()?, total))
}

pub fn forget(tx: &dyn Sql, before: Timestamp) -> Outcome<u64> {
    tx.execute(
        "DELETE FROM notices WHERE workspace_id = ? AND created_at < ? AND state <> 'pending'",
        values![WORKSPACE, before],
    )
}

const COLUMNS: &str = "record, state, attempts, next_attempt_at, delivered_at, last_error";

fn read(row: &Row) -> Outcome<Notice> {
    let notice: NewNotice = blob::decode(row.text(0)?, "a notice")?;
    let what = format!("notice {}", notice.id);
    let state = row.text(1)?;
    let moment = |column| row.integer_or_null(column)?.map(|micros| time(micros, &what)).transpose();
    Ok(Notice {
        state: NoticeState::parse(state).ok_or_else(|| super::damaged(&what))?,
        attempts: row.count(2)?.try_into().unwrap_or(u32::MAX),
        next_attempt_at: moment(3)?,
        delivered_at: moment(4)?,
        last_error: row.text_or_null(5)?.map(Into::into),
        notice,
    })
}
