//! A session on a file that holds the current set of records.
//!
//! The existing file is read once, at the first write, for its match values; the staged changes are
//! merged with it at commit into a new file beside it, which then takes its name. The order on disk:
//!
//! 1. the new file, synced, under a hidden name;
//! 2. the intent in the ledger, synced;
//! 3. the rename, and the folder synced: this publishes;
//! 4. the ledger without intent.
//!
//! A crash after 2 or 3 is settled by comparing the file's digest with the intent's.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use syncline_connector::{Chunk, OpenRequest, Recovery, Session};
use syncline_core::{CursorValue, Error, ErrorKind, LogicalType, Result, RowResult, text};

use super::blocking;
use super::destination::Object;
use super::folder::{Stamp, sync_folder};
use super::ledger::{Digest, DigestWriter, LedgerFile, unwritable};
use super::rewrite::{OldFile, rewrite};
use super::rows::Column;
use super::staging::Staging;

/// A [`Publication`] driven from async code.
pub struct FileSession {
    /// Absent while work is under way, and for good when that work was dropped half-way.
    publication: Option<Publication>,
}

impl FileSession {
    /// Takes the fence and checks the existing file's columns.
    pub fn open(object: Object, request: OpenRequest) -> Result<Self> {
        Ok(Self { publication: Some(Publication::open(object, request)?) })
    }

    async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Publication) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Some(mut publication) = self.publication.take() else {
            return Err(Error::internal("a file session was used after work on it was broken off"));
        };
        let (publication, result) = blocking(move || {
            let result = work(&mut publication);
            Ok((publication, result))
        })
        .await?;
        self.publication = Some(publication);
        result
    }
}

#[async_trait]
impl Session for FileSession {
    async fn write(&mut self, chunk: &Chunk) -> Result<Vec<RowResult>> {
        let chunk = chunk.clone();
        self.run(move |publication| publication.write(&chunk)).await
    }

    async fn commit(&mut self) -> Result<()> {
        self.run(Publication::commit).await
    }

    async fn rollback(&mut self) -> Result<()> {
        self.run(|publication| {
            publication.forget();
            Ok(())
        })
        .await
    }

    async fn recover(&mut self, chunk: u32) -> Result<Recovery> {
        self.run(move |publication| {
            let ledger = publication.ledger.load()?;
            Ok(ledger.recovery(&publication.request, chunk))
        })
        .await
    }
}

struct Publication {
    object: Object,
    request: OpenRequest,
    ledger: LedgerFile,
    work: Option<Work>,
    chunks: Vec<u32>,
}

/// What was read and staged since the last commit.
struct Work {
    old: Option<OldFile>,
    before: Option<Digest>,
    staging: Staging,
}

impl Publication {
    fn open(object: Object, request: OpenRequest) -> Result<Self> {
        let ledger = object.ledger();
        {
            let _lock = ledger.lock()?;
            let mut state = ledger.load()?;
            state.check_fence(&request, &object.name)?;
            state.take_fence(&request);
            ledger.save(&state)?;
        }
        let this = Self { object, request, ledger, work: None, chunks: Vec::new() };
        remove_leftovers(&this.object.folder(), &this.temporary_prefix(), this.request.epoch)?;
        let old = this.old_file()?;
        this.columns(old.as_ref())?;
        Ok(this)
    }

    fn old_file(&self) -> Result<Option<OldFile>> {
        OldFile::open(&self.object.path, &self.object.name, self.object.form)
    }

    /// The columns that are written, and index and value of the flag field.
    #[allow(clippy::type_complexity)]
    fn columns(&self, old: Option<&OldFile>) -> Result<(Vec<Column>, Option<(usize, String)>)> {
        let fields = self.request.schema.fields();
        let mut columns = fields
            .iter()
            .map(|f| Ok(Column { name: f.name().clone(), ty: LogicalType::of(f)?, declared: true }))
            .collect::<Result<Vec<Column>>>()?;
        let matching = &self.request.target.match_fields;
        if columns.len() < matching.len() || columns.iter().zip(matching).any(|(c, m)| c.name != *m) {
            return Err(Error::internal("the match fields are not the first fields of the schema"));
        }
        let mut flag = None;
        if let Some((field, value)) = &self.request.flag {
            let at = columns.iter().position(|c| c.name == *field).unwrap_or(columns.len());
            if at == columns.len() {
                let known = old.and_then(|o| o.column_type(field)).cloned();
                let ty = known.unwrap_or_else(|| flag_type(value));
                columns.push(Column { name: field.clone(), ty, declared: true });
            }
            flag = Some((at, flag_text(value, &columns[at])?));
        }
        if let Some(old) = old {
            old.check_columns(&columns)?;
        }
        Ok((columns, flag))
    }

    fn write(&mut self, chunk: &Chunk) -> Result<Vec<RowResult>> {
        if self.work.is_none() {
            self.work = Some(self.load()?);
        }
        let Some(work) = &mut self.work else { return Err(Error::internal("a file was not loaded")) };
        let results = work.staging.stage(chunk)?;
        self.chunks.push(chunk.number);
        Ok(results)
    }

    fn load(&self) -> Result<Work> {
        let old = self.old_file()?;
        let (columns, flag) = self.columns(old.as_ref())?;
        let before = old.as_ref().map(OldFile::digest).transpose()?;
        let mut staging = Staging::new(&self.request, columns, flag, &self.object.folder());
        if let Some(old) = &old {
            old.index(&mut staging)?;
        }
        Ok(Work { old, before, staging })
    }

    fn commit(&mut self) -> Result<()> {
        let Some(mut work) = self.work.take() else { return Ok(()) };
        let chunks = std::mem::take(&mut self.chunks);
        if work.staging.is_unchanged() {
            return self.record(chunks);
        }
        let new = self.new_file(&mut work)?;
        let _lock = self.ledger.lock()?;
        self.announce(&work, &new, chunks)?;
        fail::fail_point!("files.before_rename", |_| Err(Error::internal("stopped before the rename")));
        new.publish(&self.object.path)?;
        fail::fail_point!("files.after_rename", |_| Err(Error::internal("stopped after the rename")));
        self.settle()
    }

    /// Chunks that changed nothing need no new file.
    fn record(&self, chunks: Vec<u32>) -> Result<()> {
        let _lock = self.ledger.lock()?;
        let mut state = self.ledger.load()?;
        state.check_fence(&self.request, &self.object.name)?;
        state.record(&self.request, chunks);
        self.ledger.save(&state)
    }

    /// Step 1.
    fn new_file(&self, work: &mut Work) -> Result<NewFile> {
        let path = self.temporary_path();
        let mut new = NewFile::create(path)?;
        let out = DigestWriter::new(BufWriter::new(new.file()?));
        let out = rewrite(work.old.as_ref(), self.object.form, &mut work.staging, out)?;
        new.digest = Some(out.digest());
        let mut out = out.into_inner();
        out.flush().map_err(|e| unwritable(&new.path, e))?;
        let written = out.get_ref();
        if work.old.is_some()
            && let Ok(metadata) = fs::metadata(&self.object.path)
        {
            written.set_permissions(metadata.permissions()).map_err(|e| unwritable(&new.path, e))?;
        }
        written.sync_all().map_err(|e| unwritable(&new.path, e))?;
        Ok(new)
    }

    /// Step 2, under the lock: nobody took over, nobody changed the file, and the intent is durable.
    fn announce(&self, work: &Work, new: &NewFile, chunks: Vec<u32>) -> Result<()> {
        let mut state = self.ledger.load()?;
        state.check_fence(&self.request, &self.object.name)?;
        let now = Stamp::at(&self.object.path).map_err(|e| unwritable(&self.object.path, e))?;
        if now.filter(|stamp| stamp.len > 0).as_ref() != work.old.as_ref().map(|old| &old.stamp) {
            let message = format!("'{}' was changed by somebody else during the run", self.object.name);
            return Err(Error::new(ErrorKind::DestinationUnreachable, message)
                .help("nothing was written; run again to merge with the file as it is now"));
        }
        let after = new.digest.clone().ok_or_else(|| Error::internal("a new file has no digest"))?;
        state.announce(&self.request, chunks, work.before.clone(), after);
        self.ledger.save(&state)
    }

    /// Step 4, under the lock.
    fn settle(&self) -> Result<()> {
        let mut state = self.ledger.load()?;
        state.renamed();
        self.ledger.save(&state)
    }

    fn forget(&mut self) {
        self.work = None;
        self.chunks.clear();
    }

    /// The sync and its epoch are in the name, so that no two sessions write the same file.
    fn temporary_path(&self) -> PathBuf {
        let name = format!("{}{}.tmp", self.temporary_prefix(), self.request.epoch);
        self.object.folder().join(name)
    }

    fn temporary_prefix(&self) -> String {
        let name = self.object.path.file_name().map(|n| n.to_string_lossy().into_owned());
        format!(".{}.{}.", name.unwrap_or_default(), self.request.sync_uid)
    }
}

/// A written file under a hidden name; removed unless published.
pub struct NewFile {
    pub path: PathBuf,
    pub digest: Option<Digest>,
    published: bool,
}

impl NewFile {
    pub fn create(path: PathBuf) -> Result<Self> {
        File::create(&path).map_err(|e| unwritable(&path, e))?;
        Ok(Self { path, digest: None, published: false })
    }

    pub fn file(&self) -> Result<File> {
        File::options().write(true).open(&self.path).map_err(|e| unwritable(&self.path, e))
    }

    /// Step 3.
    pub fn publish(mut self, to: &Path) -> Result<()> {
        fs::rename(&self.path, to).map_err(|e| unwritable(to, e))?;
        self.published = true;
        match to.parent() {
            Some(folder) => sync_folder(folder).map_err(|e| unwritable(folder, e)),
            None => Ok(()),
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.published {
            // What cannot be removed now is removed when the object is opened next.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes what crashes of earlier sessions of a sync left: files named `<prefix>…<epoch>.tmp`.
pub fn remove_leftovers(folder: &Path, prefix: &str, epoch: u64) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|e| unwritable(folder, e))? {
        let entry = entry.map_err(|e| unwritable(folder, e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let rest = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(".tmp"));
        let of = rest.and_then(|rest| rest.rsplit('.').next()).and_then(|e| e.parse::<u64>().ok());
        if of.is_some_and(|of| of <= epoch) {
            fs::remove_file(entry.path()).map_err(|e| unwritable(&entry.path(), e))?;
        }
    }
    Ok(())
}

/// The type of a flag field that the file does not tell.
fn flag_type(value: &str) -> LogicalType {
    match value {
        "true" | "false" => LogicalType::Bool,
        "now" => LogicalType::TimestampTz,
        _ => LogicalType::Text,
    }
}

fn flag_text(value: &str, column: &Column) -> Result<String> {
    let temporal = matches!(column.ty, LogicalType::Timestamp | LogicalType::TimestampTz | LogicalType::Date);
    if value == "now" && temporal {
        let micros = jiff::Timestamp::now().as_microsecond();
        let zoned = column.ty == LogicalType::TimestampTz;
        let text = CursorValue::Timestamp { micros, zoned }.to_string();
        return Ok(match column.ty {
            LogicalType::Date => text.split('T').next().unwrap_or_default().to_string(),
            _ => text,
        });
    }
    if text::parse(&[Some(value)], &column.ty).1.is_empty() {
        return Ok(value.to_string());
    }
    let message =
        format!("the flag value '{value}' is not of type {}, which '{}' has", column.ty, column.name);
    Err(Error::new(ErrorKind::DestinationUnsuitable, message).help("correct `on_removed: flag`"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{RecordBatch, StringArray};
    use arrow::datatypes::Schema;
    use syncline_connector::FieldRule;
    use syncline_core::sync::{FieldWrite, FileFormat, Nulls, Publish, Target, WriteMode};
    use syncline_core::{Op, RunId, SyncUid};

    use super::*;
    use crate::files::rewrite::Form;

    fn publication(folder: &Path, run: &str, epoch: u64) -> Result<Publication> {
        let path = folder.join("t.csv");
        let object = Object::file(path, "t.csv", Form { format: FileFormat::Csv, delimiter: b',' });
        let request = OpenRequest {
            sync_uid: SyncUid::from_stored("sync_1"),
            run_id: RunId::from_stored(run),
            epoch,
            plan_digest: "p".into(),
            target: Target { object: "t.csv".into(), match_fields: vec![] },
            write_mode: WriteMode::Append,
            publish: Publish::Atomic,
            schema: Arc::new(Schema::new(vec![LogicalType::Text.field("a", true)])),
            rules: vec![FieldRule { write: FieldWrite::Always, nulls: Nulls::Write }],
            flag: None,
            duplicates_accepted: false,
        };
        Publication::open(object, request)
    }

    fn chunk(number: u32, value: &str) -> Chunk {
        let schema = Arc::new(Schema::new(vec![LogicalType::Text.field("a", true)]));
        let payload = RecordBatch::try_new(schema, vec![Arc::new(StringArray::from(vec![value]))]).unwrap();
        Chunk { number, ops: vec![Op::Append], payload, old_match: None }
    }

    fn recovered(folder: &Path, run: &str, epoch: u64, chunk: u32) -> Recovery {
        let p = publication(folder, run, epoch).unwrap();
        p.ledger.load().unwrap().recovery(&p.request, chunk)
    }

    /// Everything a commit does up to, and optionally including, its rename; then the process dies.
    fn crash(folder: &Path, renamed: bool) {
        let mut p = publication(folder, "run_2", 2).unwrap();
        p.write(&chunk(0, "second")).unwrap();
        let mut work = p.work.take().unwrap();
        let new = p.new_file(&mut work).unwrap();
        p.announce(&work, &new, vec![0]).unwrap();
        if renamed {
            new.publish(&p.object.path).unwrap();
        } else {
            std::mem::forget(new);
        }
    }

    fn first_run(folder: &Path) {
        let mut p = publication(folder, "run_1", 1).unwrap();
        p.write(&chunk(0, "first")).unwrap();
        p.commit().unwrap();
    }

    #[test]
    fn a_crash_before_the_rename_is_recovered_as_not_applied() {
        let home = tempfile::tempdir().unwrap();
        for with_old_file in [false, true] {
            let folder = home.path().join(with_old_file.to_string());
            fs::create_dir(&folder).unwrap();
            if with_old_file {
                first_run(&folder);
            }
            crash(&folder, false);
            assert_eq!(recovered(&folder, "run_2", 3, 0), Recovery::NotApplied);
            let hidden = fs::read_dir(&folder)
                .unwrap()
                .filter(|e| e.as_ref().is_ok_and(|e| e.file_name().to_string_lossy().ends_with(".tmp")));
            assert_eq!(hidden.count(), 0, "the next session removes the leftover");
        }
    }

    #[test]
    fn a_crash_after_the_rename_is_recovered_as_committed() {
        let home = tempfile::tempdir().unwrap();
        first_run(home.path());
        crash(home.path(), true);
        assert_eq!(recovered(home.path(), "run_2", 3, 0), Recovery::Committed);
        assert_eq!(recovered(home.path(), "run_2", 3, 1), Recovery::NotApplied);
        assert_eq!(recovered(home.path(), "run_9", 3, 0), Recovery::NotApplied);
        assert_eq!(fs::read_to_string(home.path().join("t.csv")).unwrap(), "a\nfirst\nsecond\n");
    }

    #[test]
    fn a_file_that_somebody_replaced_after_a_crash_leaves_the_outcome_open() {
        let home = tempfile::tempdir().unwrap();
        first_run(home.path());
        crash(home.path(), false);
        fs::write(home.path().join("t.csv"), "a\nother\n").unwrap();
        assert_eq!(recovered(home.path(), "run_2", 3, 0), Recovery::Unknown);
        // Once settled it stays so, whatever is published later by other runs.
        assert_eq!(recovered(home.path(), "run_2", 4, 0), Recovery::Unknown);
    }

    #[test]
    fn an_older_epoch_cannot_publish() {
        let home = tempfile::tempdir().unwrap();
        let mut late = publication(home.path(), "run_1", 1).unwrap();
        late.write(&chunk(0, "late")).unwrap();
        let mut next = publication(home.path(), "run_1", 2).unwrap();
        assert_eq!(late.commit().unwrap_err().kind, ErrorKind::Fenced);
        assert_eq!(publication(home.path(), "run_1", 1).err().unwrap().kind, ErrorKind::Fenced);
        next.write(&chunk(0, "next")).unwrap();
        next.commit().unwrap();
        assert_eq!(fs::read_to_string(home.path().join("t.csv")).unwrap(), "a\nnext\n");
    }
}
