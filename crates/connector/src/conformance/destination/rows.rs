//! Rows of a chunk: one result each, in order; none at the cost of another; values as they were sent.

use syncline_core::{LogicalType, Op, RowResult};

use super::super::DestinationFixture;
use super::super::table::{self, Column, Row};
use super::super::values::{edges, is_same, types};
use super::target::{Target, commit, try_write};
use crate::Chunk;

const FIELDS: &[(&str, &str)] = &[("id", "int64"), ("name", "text")];

/// "A row the target refuses is `Rejected` with the field at fault, and does not keep the others of
/// its chunk from being written."
pub async fn a_null_match_value_is_refused_alone(fixture: &dyn DestinationFixture) {
    for place in [0, 2, 4] {
        let target = Target::new(fixture, FIELDS, 1).await;
        let mut lines = vec!["1|a", "2|b", "3|c", "4|d"];
        lines.insert(place, "-|poison");
        let results = target.write(target.upsert(), &target.chunk(0, Op::Create, &lines)).await;
        let mut expected = vec!["created"; 5];
        expected[place] = "null_match_value id";
        assert_eq!(results, expected, "a poison row in place {place}");
        target.expect(&["1|a", "2|b", "3|c", "4|d"], "the rows beside a refused one are written").await;
    }
    let target = Target::new(fixture, FIELDS, 1).await;
    let results = target.write(target.upsert(), &target.chunk(0, Op::Update, &["-|a", "-|b"])).await;
    assert_eq!(results, ["null_match_value id"; 2], "a chunk of nothing but poison");
    target.expect(&[], "a refused row is not written").await;
}

/// "`write` returns one result per row, in order."
pub async fn results_are_one_per_row_in_order(fixture: &dyn DestinationFixture) {
    let target = Target::new(fixture, FIELDS, 1).await;
    let old: Vec<String> = (0..1_000).step_by(3).map(|i| format!("{i}|old")).collect();
    target.fill(&old.iter().map(String::as_str).collect::<Vec<_>>()).await;
    // The order of the rows is not that of their match values.
    let ids: Vec<usize> = (0..1_000).map(|i| (i * 337) % 1_000).collect();
    let line = |id: &usize| if id % 7 == 1 { "-|poison".to_string() } else { format!("{id}|new") };
    let lines: Vec<String> = ids.iter().map(line).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let results = target.write(target.upsert(), &target.chunk(0, Op::Update, &lines)).await;
    for (id, result) in ids.iter().zip(&results) {
        let expected = match id {
            id if id % 7 == 1 => "null_match_value id",
            id if id % 3 == 0 => "updated",
            _ => "created",
        };
        assert_eq!(result, expected, "row {id}");
    }
    let poisoned = (0..1_000).filter(|id| id % 7 == 1).count();
    let kept = (0..1_000).filter(|id| id % 7 == 1 && id % 3 == 0).count();
    assert_eq!(target.rows().await.len(), 1_000 - poisoned + kept, "every row not refused is there");
    let empty = target.chunk(1, Op::Update, &[]);
    assert!(target.write(target.upsert(), &empty).await.is_empty(), "an empty chunk has no results");
}

/// Values of every type arrive exactly, or their row is refused with the field named. Which are
/// refused is what the fixture says.
pub async fn values_at_every_edge_arrive_or_are_refused_by_name(fixture: &dyn DestinationFixture) {
    let mut columns = vec![("id".to_string(), LogicalType::Int64)];
    columns.extend(types().into_iter().enumerate().map(|(i, ty)| (format!("v{i}"), ty)));
    let target = Target::with(fixture, columns, 1).await;
    let cells = edge_cells(&target.columns);
    let rows: Vec<Row> = cells.iter().enumerate().map(|(id, cell)| row(&target, id, cell)).collect();
    let payload = table::batch(&target.fields, &rows);
    let chunk = Chunk { number: 0, ops: vec![Op::Create; rows.len()], payload, old_match: None };
    let mut session = target.open(target.upsert()).await;
    let results = try_write(&mut *session, &chunk).await.unwrap_or_else(|e| panic!("a write failed: {e}"));
    commit(&mut *session).await;
    let arrived = target.rows().await;
    for (id, (column, text)) in cells.iter().enumerate() {
        let (name, ty) = &target.columns[*column];
        let found = arrived.iter().find(|row| row[0].as_deref() == Some(id.to_string().as_str()));
        match (&results[id], fixture.refuses(ty, text)) {
            (RowResult::Rejected(e), true) => {
                assert_eq!(e.field.as_deref(), Some(name.as_str()), "{ty} {text:?} was refused: {e:?}");
                assert!(found.is_none(), "{ty} {text:?} was refused and is there: {found:?}");
            }
            (RowResult::Created { .. }, false) => {
                let found = found.unwrap_or_else(|| panic!("{ty} {text:?} was written and is not there"));
                for (i, (_, ty)) in target.columns.iter().enumerate().skip(1) {
                    let sent = Some(*text).filter(|_| i == *column);
                    let got = found[i].as_deref();
                    assert!(is_same(ty, sent, got), "{ty} {sent:?} arrived as {got:?}");
                }
            }
            (result, refuses) => panic!("{ty} {text:?}: {result:?}, and it should be refused: {refuses}"),
        }
    }
}

/// Each edge of each column but the first.
fn edge_cells(columns: &[Column]) -> Vec<(usize, &'static str)> {
    let of =
        |(i, (_, ty)): (usize, &Column)| edges(ty).iter().map(move |text| (i, *text)).collect::<Vec<_>>();
    columns.iter().enumerate().skip(1).flat_map(of).collect()
}

fn row(target: &Target<'_>, id: usize, (column, text): &(usize, &'static str)) -> Row {
    let mut row: Row = vec![None; target.columns.len()];
    (row[0], row[*column]) = (Some(id.to_string()), Some(text.to_string()));
    row
}
