//! Reading models from files.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use syncline_connector::{
    Consistency, ReadEnd, ReadRequest, Source, SourceBatch, SourceItem, SourceStream, StreamInfo,
};
use syncline_core::sync::{FileFormat, FileModel, Model, ModelQuery};
use syncline_core::{Error, ErrorKind, LogicalType, Result};
use tokio::sync::mpsc;

use super::blocking;
use super::csv::{self, Dialect, Splitter};
use super::folder::{Folder, Stamp, format_of, unreachable_file};
use super::jsonl::{self, Inference};
use super::options::FinalNewline;
use super::parquet::ParquetFile;
use super::rows::{Column, schema_of};

/// Batches that are read ahead of the consumer.
const BATCHES_AHEAD: usize = 2;
/// Layouts that are remembered, so that describing and then reading JSON Lines infers once.
const LAYOUTS_MAX: usize = 16;
/// Lines of a JSON Lines file that [`Source::discover`] looks at.
const DISCOVER_LINES: u64 = 1_000;
/// Files that [`Source::discover`] lists.
const DISCOVER_FILES: usize = 1_000;

/// The files below one folder, as models.
pub struct FilesSource {
    reader: Reader,
}

impl FilesSource {
    pub(super) fn new(folder: Folder, final_newline: FinalNewline) -> Self {
        Self { reader: Reader { folder, final_newline, layouts: Arc::default() } }
    }
}

#[async_trait]
impl Source for FilesSource {
    async fn check(&self) -> Result<String> {
        let reader = self.reader.clone();
        blocking(move || {
            let count = reader.folder.list()?.iter().filter(|path| format_of(path).is_some()).count();
            Ok(format!("folder {}, {count} readable files", reader.folder.identity()))
        })
        .await
    }

    /// Lists the files whose ending names a format. One that cannot be read is listed without
    /// columns; reading it says why.
    async fn discover(&self) -> Result<Vec<StreamInfo>> {
        let reader = self.reader.clone();
        blocking(move || {
            let paths = reader.folder.list()?.into_iter().filter(|path| format_of(path).is_some());
            Ok(paths.take(DISCOVER_FILES).map(|path| reader.info(&path)).collect())
        })
        .await
    }

    async fn describe(&self, model: &Model) -> Result<SchemaRef> {
        let (reader, file) = (self.reader.clone(), file_model(model)?);
        blocking(move || Ok(schema_of(&reader.input(&file)?.columns))).await
    }

    async fn read(&self, request: ReadRequest) -> Result<SourceStream> {
        let (reader, file) = (self.reader.clone(), file_model(&request.model)?);
        let input = blocking(move || {
            let mut input = reader.input(&file)?;
            if let Some(names) = &request.columns {
                input.columns = project(&input.columns, names, &file.path)?;
            }
            Ok(input)
        })
        .await?;
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        // When the stream is dropped, sending fails and the thread ends. When the thread dies, the
        // stream ends without its last item, which counts as cut off.
        tokio::task::spawn_blocking(move || {
            let item = match input.read(&|batch| send(&sender, Ok(SourceItem::Batch(batch)))) {
                Ok(()) => Ok(SourceItem::End(END)),
                Err(e) => Err(e),
            };
            // Nobody may be listening any more, which is no error.
            let _ = sender.blocking_send(item);
        });
        Ok(Box::pin(futures::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|item| (item, receiver))
        })))
    }

    fn pushes_down(&self) -> bool {
        false
    }

    fn identity(&self) -> String {
        self.reader.folder.identity()
    }
}

/// All files were as at the start when the last one was read, so the rows are of one moment.
const END: ReadEnd = ReadEnd { consistency: Consistency::Snapshot, now: None, oldest_open_write: None };

fn send(sender: &mpsc::Sender<Result<SourceItem>>, item: Result<SourceItem>) -> Result<()> {
    sender
        .blocking_send(item)
        .map_err(|_| Error::new(ErrorKind::Cancelled, "the reader of this stream went away"))
}

fn file_model(model: &Model) -> Result<FileModel> {
    match &model.query {
        ModelQuery::File(file) => Ok(file.clone()),
        ModelQuery::Sql { .. } | ModelQuery::Table(_) => {
            Err(Error::new(ErrorKind::InvalidConfig, "a files connection has neither tables nor SQL")
                .help("write the model as `file: { path: … }`"))
        }
    }
}

fn project(columns: &[Column], names: &[String], model: &str) -> Result<Vec<Column>> {
    let find = |name: &String| {
        columns.iter().find(|c| c.name == *name).cloned().ok_or_else(|| {
            let known = columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
            Error::new(ErrorKind::ModelQueryFailed, format!("'{model}' has no column '{name}'"))
                .help(format!("it has: {known}"))
        })
    };
    names.iter().map(find).collect()
}

#[derive(Clone)]
struct Reader {
    folder: Folder,
    final_newline: FinalNewline,
    layouts: Arc<Mutex<Vec<Layout>>>,
}

/// The columns of a model as long as its files stay what they are.
struct Layout {
    model: FileModel,
    files: Vec<InputFile>,
    columns: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq)]
struct InputFile {
    path: PathBuf,
    /// Relative to the folder, for messages.
    name: String,
    stamp: Stamp,
}

/// A model's files and what is read of them.
struct Input {
    files: Vec<InputFile>,
    format: FileFormat,
    dialect: Dialect,
    columns: Vec<Column>,
}

impl Reader {
    /// Finds the files of a model and their common columns.
    fn input(&self, model: &FileModel) -> Result<Input> {
        let files = self.files(model)?;
        let (format, delimiter) = format(model, &files)?;
        let final_newline = self.final_newline;
        let dialect = Dialect { delimiter, null: model.null.clone(), final_newline };
        let mut input = Input { files, format, dialect, columns: Vec::new() };
        if let Some(columns) = self.remembered(model, &input.files) {
            input.columns = columns;
            return Ok(input);
        }
        input.columns = match input.columns_of_model(model, u64::MAX) {
            Ok(columns) => columns,
            Err(e) => return Err(input.changed_or(e)),
        };
        self.remember(model, &input);
        Ok(input)
    }

    fn files(&self, model: &FileModel) -> Result<Vec<InputFile>> {
        let paths = self.folder.matches(&model.path)?;
        let stamped = paths.into_iter().map(|path| {
            let name = self.folder.name(&path);
            let found = Stamp::at(&path).map_err(|e| unreachable_file(&path, e))?;
            let stamp = found.ok_or_else(|| changed(&name))?;
            Ok(InputFile { path, name, stamp })
        });
        stamped.collect()
    }

    fn remembered(&self, model: &FileModel, files: &[InputFile]) -> Option<Vec<Column>> {
        let layouts = self.layouts.lock().ok()?;
        let layout = layouts.iter().find(|l| l.model == *model && l.files == files)?;
        Some(layout.columns.clone())
    }

    fn remember(&self, model: &FileModel, input: &Input) {
        // A poisoned lock only means that the columns are found again next time.
        let Ok(mut layouts) = self.layouts.lock() else { return };
        layouts.retain(|l| l.model != *model);
        if layouts.len() >= LAYOUTS_MAX {
            layouts.remove(0);
        }
        let (files, columns) = (input.files.clone(), input.columns.clone());
        layouts.push(Layout { model: model.clone(), files, columns });
    }

    fn info(&self, path: &Path) -> StreamInfo {
        let name = path.display().to_string();
        let model = FileModel {
            path: name.clone(),
            format: None,
            types: Default::default(),
            delimiter: None,
            null: None,
        };
        let columns = self.files(&model).and_then(|files| {
            let (format, delimiter) = format(&model, &files)?;
            let input = Input { files, format, dialect: Dialect::new(delimiter), columns: Vec::new() };
            input.columns_of_model(&model, DISCOVER_LINES)
        });
        StreamInfo { name, schema: schema_of(&columns.unwrap_or_default()), key: Vec::new() }
    }
}

/// The one format of all files, and the delimiter.
fn format(model: &FileModel, files: &[InputFile]) -> Result<(FileFormat, u8)> {
    let fail = |message: String, help: &str| {
        Err(Error::new(ErrorKind::ModelQueryFailed, message).help(help.to_string()))
    };
    let mut found: Option<(FileFormat, u8)> = None;
    for file in files {
        let this = match (model.format, format_of(&file.path)) {
            (Some(format), Some((by_ending, delimiter))) if format == by_ending => (format, delimiter),
            (Some(format), _) => (format, b','),
            (None, Some(by_ending)) => by_ending,
            (None, None) => {
                let message = format!("the ending of {} names no format that can be read", file.name);
                return fail(message, "set the model's `format` to csv, jsonl or parquet");
            }
        };
        match found {
            Some(first) if first != this => {
                let message = format!("{} and {} are of different formats", files[0].name, file.name);
                return fail(message, "use a pattern that matches files of one format");
            }
            _ => found = Some(this),
        }
    }
    let Some((format, mut delimiter)) = found else {
        return fail(format!("no file matches '{}'", model.path), "check the model's file pattern");
    };
    if let Some(wanted) = model.delimiter {
        delimiter = match u8::try_from(wanted) {
            Ok(b) if b.is_ascii() && !matches!(b, b'"' | b'\n' | b'\r' | 0) => b,
            _ => {
                let message = format!("{wanted:?} cannot be a delimiter");
                return fail(message, "use one ASCII character that is neither a quote nor a line break");
            }
        };
    }
    Ok((format, delimiter))
}

fn changed(name: &str) -> Error {
    Error::new(ErrorKind::SourceUnreachable, format!("{name} changed while it was read")).help("run again")
}

impl Input {
    fn columns_of_model(&self, model: &FileModel, lines_max: u64) -> Result<Vec<Column>> {
        let columns = match self.format {
            FileFormat::Csv => self.same_in_all_files(model, |file| self.csv_columns(file))?,
            FileFormat::Parquet => self.same_in_all_files(model, |file| {
                Ok(ParquetFile::open(file.open()?, &file.name)?.columns().to_vec())
            })?,
            FileFormat::Jsonl => {
                let mut inference = Inference::default();
                for file in &self.files {
                    inference.see(BufReader::new(file.open()?), &file.name, lines_max)?;
                }
                inference.columns(&model.types)
            }
        };
        Ok(columns)
    }

    fn csv_columns(&self, file: &InputFile) -> Result<Vec<Column>> {
        let input = BufReader::new(file.open()?);
        let header = Splitter::new(input, self.dialect.delimiter, &file.name).header()?;
        let (names, _) = header.ok_or_else(|| csv::no_header(&file.name))?;
        let column = |name| Column { name, ty: LogicalType::Text, declared: false };
        Ok(names.into_iter().map(column).collect())
    }

    /// The columns of the first file, after checking that every file has them (in any order).
    fn same_in_all_files(
        &self,
        model: &FileModel,
        columns_of: impl Fn(&InputFile) -> Result<Vec<Column>>,
    ) -> Result<Vec<Column>> {
        let mut first: Option<Vec<Column>> = None;
        for file in &self.files {
            let columns = columns_of(file)?;
            match &first {
                None => first = Some(columns),
                Some(expected) => same_columns(expected, &self.files[0].name, &columns, &file.name)?,
            }
        }
        let mut columns = first.unwrap_or_default();
        for (name, ty) in &model.types {
            let Some(column) = columns.iter_mut().find(|c| c.name == *name) else {
                let known = columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
                let message =
                    format!("`types` names the column '{name}', which '{}' does not have", model.path);
                return Err(Error::new(ErrorKind::ModelQueryFailed, message).help(format!("it has: {known}")));
            };
            (column.ty, column.declared) = (ty.clone(), true);
        }
        Ok(columns)
    }

    /// Reads every file from the first row to the last and then checks that none changed.
    fn read(&self, emit: &dyn Fn(SourceBatch) -> Result<()>) -> Result<()> {
        let result = self.files.iter().try_for_each(|file| self.read_file(file, emit));
        match result {
            Ok(()) => self.files.iter().try_for_each(InputFile::check_unchanged),
            Err(e) => Err(self.changed_or(e)),
        }
    }

    fn read_file(&self, file: &InputFile, emit: &dyn Fn(SourceBatch) -> Result<()>) -> Result<()> {
        let (opened, emit) = (file.open()?, &mut |batch| emit(batch));
        match self.format {
            FileFormat::Csv => {
                csv::read(BufReader::new(opened), &file.name, &self.dialect, &self.columns, emit)
            }
            FileFormat::Jsonl => jsonl::read(BufReader::new(opened), &file.name, &self.columns, emit),
            FileFormat::Parquet => ParquetFile::open(opened, &file.name)?.read(&self.columns, emit),
        }
    }

    /// An error in a file that is being written at the same time is about that, and passes.
    fn changed_or(&self, e: Error) -> Error {
        match self.files.iter().find_map(|file| file.check_unchanged().err()) {
            Some(changed) if e.kind != ErrorKind::Cancelled => changed.caused_by(e),
            _ => e,
        }
    }
}

impl InputFile {
    /// Opens the file, which must still be the one that was listed.
    fn open(&self) -> Result<File> {
        let file = File::open(&self.path).map_err(|e| unreachable_file(&self.path, e))?;
        let metadata = file.metadata().map_err(|e| unreachable_file(&self.path, e))?;
        if Stamp::of(&metadata) == self.stamp { Ok(file) } else { Err(changed(&self.name)) }
    }

    fn check_unchanged(&self) -> Result<()> {
        match Stamp::at(&self.path) {
            Ok(Some(stamp)) if stamp == self.stamp => Ok(()),
            _ => Err(changed(&self.name)),
        }
    }
}

fn same_columns(first: &[Column], first_name: &str, other: &[Column], other_name: &str) -> Result<()> {
    let lacking = |a: &[Column], b: &[Column]| -> Vec<String> {
        a.iter().filter(|c| !b.iter().any(|o| o.name == c.name)).map(|c| format!("'{}'", c.name)).collect()
    };
    let (missing, extra) = (lacking(first, other), lacking(other, first));
    let retyped = first.iter().find(|c| other.iter().any(|o| o.name == c.name && o.ty != c.ty));
    let message = match (missing.is_empty(), extra.is_empty(), retyped) {
        (false, _, _) => format!("{other_name} lacks {}, which {first_name} has", missing.join(", ")),
        (_, false, _) => format!("{other_name} has {}, which {first_name} lacks", extra.join(", ")),
        (_, _, Some(c)) => format!("column '{}' is not of one type in {first_name} and {other_name}", c.name),
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::ModelQueryFailed, message)
        .help("all files of one model need the same columns; read the others as a model of their own"))
}
