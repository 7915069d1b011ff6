//! `dlq export`: letters as JSON lines, or as CSV that is safe to open in a spreadsheet.

use std::io::Write;

use syncline_api::{LetterView, export as files};
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
    path: Option<&std::path::Path>,
) -> Outcome {
    let mut file = match path {
        Some(path) => {
            let file = std::fs::File::create(path).map_err(|e| Error::from(e).context(path.display()))?;
            Some(std::io::BufWriter::new(file))
        }
        None => None,
    };
    let mut written = 0;
    let mut write = |bytes: &[u8]| -> Result<bool> {
        match &mut file {
            Some(file) => file.write_all(bytes)?,
            None => context.out.raw(&String::from_utf8_lossy(bytes)),
        }
        Ok(!context.out.is_closed())
    };
    if format == ExportFormat::Csv {
        write(&files::csv_header()?)?;
    }
    if let Some(engine) = records.reader().await? {
        let filter = filter(records, &engine, args).await?;
        each_page(&engine, &filter, |letters| {
            written += letters.len() as u64;
            let letters: Vec<_> = letters.into_iter().map(LetterView::from).collect();
            let bytes = match format {
                ExportFormat::Jsonl => files::json_lines(&letters)?,
                ExportFormat::Csv => files::csv_lines(&letters)?,
            };
            write(&bytes)
        })
        .await?;
    }
    if let (Some(mut file), Some(path)) = (file, path) {
        file.flush().map_err(|e| Error::from(e).context(path.display()))?;
        context.out.remark(&format!(
            "wrote {} to {}",
            output::counted(written, "dead letter"),
            path.display()
        ));
    }
    Ok(Exit::Done)
}
