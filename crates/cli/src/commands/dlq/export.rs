//! `dlq export`: letters as JSON lines, or as CSV that is safe to open in a spreadsheet.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use syncline_api::{LetterView, export as lines};
use syncline_core::{Error, Result};

use super::{each_page, filter};
use crate::Context;
use crate::args::{DlqFilter, ExportFormat};
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output;
use crate::records::Records;

pub async fn export(
    context: &Context,
    records: &Records,
    args: &DlqFilter,
    format: ExportFormat,
    path: Option<&Path>,
) -> Outcome {
    let mut export = Export::begin(context, format, path)?;
    if let Some(engine) = records.reader().await? {
        let filter = filter(records, &engine, args).await?;
        each_page(&engine, &filter, |letters| {
            let letters: Vec<_> = letters.into_iter().map(LetterView::from).collect();
            export.write(&letters)
        })
        .await?;
    }
    export.end()
}

/// Letters on their way to stdout or a file.
pub struct Export<'a> {
    context: &'a Context,
    format: ExportFormat,
    file: Option<(BufWriter<File>, PathBuf)>,
    written: u64,
}

impl<'a> Export<'a> {
    pub fn begin(context: &'a Context, format: ExportFormat, path: Option<&Path>) -> Result<Self> {
        let create = |path: &Path| {
            let file = File::create(path).map_err(|e| Error::from(e).context(path.display()))?;
            Ok::<_, Error>((BufWriter::new(file), path.to_path_buf()))
        };
        let file = path.map(create).transpose()?;
        let mut export = Self { context, format, file, written: 0 };
        if format == ExportFormat::Csv {
            export.put(&lines::csv_header()?)?;
        }
        Ok(export)
    }

    /// `false`: nobody reads any more.
    pub fn write(&mut self, letters: &[LetterView]) -> Result<bool> {
        self.written += letters.len() as u64;
        let bytes = match self.format {
            ExportFormat::Jsonl => lines::json_lines(letters)?,
            ExportFormat::Csv => lines::csv_lines(letters)?,
        };
        self.put(&bytes)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<bool> {
        match &mut self.file {
            Some((file, _)) => file.write_all(bytes)?,
            None => self.context.out.raw(&String::from_utf8_lossy(bytes)),
        }
        Ok(!self.context.out.is_closed())
    }

    pub fn end(self) -> Outcome {
        if let Some((mut file, path)) = self.file {
            file.flush().map_err(|e| Error::from(e).context(path.display()))?;
            let written = output::counted(self.written, "dead letter");
            self.context.out.remark(&format!("wrote {written} to {}", path.display()));
        }
        Ok(Exit::Done)
    }
}
