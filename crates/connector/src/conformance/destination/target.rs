//! An object to write to, and short ways to write to it.

use std::sync::Arc;

use syncline_core::sync::{FieldWrite, Nulls, Publish, Target as Place, WriteMode};
use syncline_core::{Error, ErrorKind, Op, Result, RowResult, RunId, SyncUid};

use super::super::DestinationFixture;
use super::super::table::{self, Column, columns, everything, lines, rows};
use crate::{Chunk, Destination, FieldRule, OpenRequest, ReadRequest, Session};

pub const ALWAYS: FieldRule = FieldRule { write: FieldWrite::Always, nulls: Nulls::Write };

/// An object of a fixture, made for some fields.
pub struct Target<'a> {
    pub fixture: &'a dyn DestinationFixture,
    pub destination: Arc<dyn Destination>,
    pub object: String,
    /// The wanted fields.
    pub columns: Vec<Column>,
    /// Fields with the types that the object has: what payloads are made of.
    pub fields: Vec<Column>,
    pub match_fields: Vec<String>,
}

impl<'a> Target<'a> {
    /// Makes an object with these fields, unique by the first `matching` of them.
    pub async fn new(fixture: &'a dyn DestinationFixture, fields: &[(&str, &str)], matching: usize) -> Self {
        Self::with(fixture, columns(fields), matching).await
    }

    pub async fn with(fixture: &'a dyn DestinationFixture, columns: Vec<Column>, matching: usize) -> Self {
        let match_fields = columns[..matching].iter().map(|(name, _)| name.clone()).collect();
        let (destination, object) = (fixture.destination(), fixture.new_object());
        let mut target =
            Target { fixture, destination, object, fields: columns.clone(), columns, match_fields };
        target.make().await;
        target
    }

    /// Makes the object, which must not exist.
    pub async fn make(&mut self) {
        let schema = table::schema(&self.columns);
        let made = self.destination.create(&self.object, &schema, &self.match_fields).await;
        made.unwrap_or_else(|e| panic!("creating '{}' failed: {e}", self.object));
        let description = self.describe().await;
        if !description.open_schema {
            let stored = |name: &String| description.fields.iter().find(|f| f.name == *name);
            let field = |(name, _): &Column| {
                let ty = stored(name).map(|f| f.ty.clone());
                (name.clone(), ty.unwrap_or_else(|| panic!("'{name}' is not among the created fields")))
            };
            self.fields = self.columns.iter().map(field).collect();
        }
    }

    pub async fn describe(&self) -> crate::ObjectDescription {
        let described = self.destination.describe(&self.object).await;
        let described = described.unwrap_or_else(|e| panic!("describing '{}' failed: {e}", self.object));
        described.unwrap_or_else(|| panic!("'{}' was made and does not exist", self.object))
    }

    pub fn request(&self, write_mode: WriteMode) -> OpenRequest {
        let spec = self.fixture.spec();
        OpenRequest {
            sync_uid: SyncUid::from_stored(format!("sync_{}", self.object)),
            run_id: RunId::from_stored("run_1"),
            epoch: 1,
            plan_digest: "digest".into(),
            target: Place { object: self.object.clone(), match_fields: self.match_fields.clone() },
            write_mode,
            publish: spec.publish.first().copied().unwrap_or(Publish::Atomic),
            schema: table::schema(&self.fields),
            rules: vec![ALWAYS; self.fields.len()],
            flag: None,
            duplicates_accepted: false,
        }
    }

    /// The mode that creates and updates.
    pub fn upsert(&self) -> OpenRequest {
        self.request(WriteMode::Upsert)
    }

    /// A chunk of lines as [`rows`] reads them, all with one operation.
    pub fn chunk(&self, number: u32, op: Op, lines: &[&str]) -> Chunk {
        let ops: Vec<(Op, &str)> = lines.iter().map(|line| (op, *line)).collect();
        self.chunk_of(number, &ops)
    }

    /// Lines may be shorter than the fields: the rest is NULL.
    pub fn chunk_of(&self, number: u32, lines: &[(Op, &str)]) -> Chunk {
        let mut texts = rows(&lines.iter().map(|(_, line)| *line).collect::<Vec<_>>());
        texts.iter_mut().for_each(|row| row.resize(self.fields.len(), None));
        let payload = table::batch(&self.fields, &texts);
        Chunk { number, ops: lines.iter().map(|(op, _)| *op).collect(), payload, old_match: None }
    }

    pub async fn open(&self, request: OpenRequest) -> Box<dyn Session> {
        self.destination.open(request).await.unwrap_or_else(|e| panic!("opening a session failed: {e}"))
    }

    pub async fn refused(&self, request: OpenRequest) -> Error {
        match self.destination.open(request.clone()).await {
            Err(error) => error,
            Ok(_) => panic!(
                "a session was opened for {:?}, {:?} on '{}', which must be refused",
                request.write_mode, request.publish, self.object
            ),
        }
    }

    /// Writes one chunk in a session of its own and commits.
    pub async fn write(&self, request: OpenRequest, chunk: &Chunk) -> Vec<String> {
        let mut session = self.open(request).await;
        let results = write(&mut *session, chunk).await;
        commit(&mut *session).await;
        results
    }

    /// Makes these the records of the object, in a run of its own.
    pub async fn fill(&self, lines: &[&str]) {
        let request = OpenRequest { run_id: RunId::from_stored("run_fill"), ..self.upsert() };
        let results = self.write(request, &self.chunk(0, Op::Create, lines)).await;
        assert_eq!(results, vec!["created"; lines.len()], "writing the records to start from");
    }

    /// The records of the object as lines, sorted; an object that does not exist (yet) has none.
    pub async fn lines(&self) -> Vec<String> {
        lines(&self.rows().await)
    }

    pub async fn rows(&self) -> Vec<table::Row> {
        let model = self.fixture.model(&self.object, &self.columns);
        // By name: some systems order columns by where they first have a value.
        let columns = Some(self.columns.iter().map(|(name, _)| name.clone()).collect());
        let request = ReadRequest { columns, ..everything(&model) };
        let read = table::read(&*self.fixture.source(), request).await;
        let gone = |e: &Error| e.kind == ErrorKind::ModelQueryFailed;
        match read {
            Ok(read) => {
                assert!(
                    read.invalid.is_empty() && read.unreadable == 0,
                    "what was written is valid: {read:?}"
                );
                read.rows
            }
            Err(e) if gone(&e) && self.may_be_absent().await => Vec::new(),
            Err(e) => panic!("reading '{}' back failed: {e}", self.object),
        }
    }

    /// Whether objects of this system appear with their first record.
    async fn may_be_absent(&self) -> bool {
        self.describe().await.open_schema
    }

    pub async fn expect(&self, expected: &[&str], rule: &str) {
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(self.lines().await, expected, "{rule}");
    }
}

pub async fn write(session: &mut dyn Session, chunk: &Chunk) -> Vec<String> {
    let results = try_write(session, chunk).await;
    names(&results.unwrap_or_else(|e| panic!("writing chunk {} failed: {e}", chunk.number)))
}

/// Writes, and checks what holds for every chunk: one result per row.
pub async fn try_write(session: &mut dyn Session, chunk: &Chunk) -> Result<Vec<RowResult>> {
    let results = session.write(chunk).await?;
    assert_eq!(results.len(), chunk.payload.num_rows(), "one result per row");
    Ok(results)
}

pub async fn commit(session: &mut dyn Session) {
    session.commit().await.unwrap_or_else(|e| panic!("a commit failed: {e}"));
}

/// `created`, `updated` …, or the code of a rejection with its field.
pub fn names(results: &[RowResult]) -> Vec<String> {
    let name = |result: &RowResult| match result {
        RowResult::Created { .. } => "created".to_string(),
        RowResult::Updated { .. } => "updated".into(),
        RowResult::Removed => "removed".into(),
        RowResult::Exists => "exists".into(),
        RowResult::Absent => "absent".into(),
        RowResult::Rejected(e) => format!("{} {}", e.code, e.field.as_deref().unwrap_or("?")),
        RowResult::Unknown(e) => format!("unknown: {}", e.message),
    };
    results.iter().map(name).collect()
}
