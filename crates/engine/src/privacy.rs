//! What is kept of values: everything, a short hash of each, or nothing (`store_values`).
//!
//! While a run is under way its plan holds what is to be sent. Once it has ended, [`scrub`] puts a
//! masked change set, or none, in its place.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::Schema;
use syncline_core::sync::{StoreValues, Sync};
use syncline_core::{LogicalType, Result, SyncUid, canon, text};
use syncline_store::{Page, RunFilter};

use crate::engine::Engine;
use crate::plan_file::{PlanChunk, PlanReader, PlanWriter};

/// Runs whose plans are looked at after a run.
const SCRUBBED_RUNS_MAX: u64 = 100;

/// Replaces values by short hashes that differ when the values do, under a sync's secret seed.
#[derive(Clone, Copy)]
pub struct Mask {
    seed: u64,
}

impl Mask {
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// `#` and eight hexadecimal digits.
    pub fn text(&self, value: &str) -> String {
        let hash = xxhash_rust::xxh3::xxh3_64_with_seed(value.as_bytes(), self.seed);
        format!("#{:08x}", hash >> 32)
    }

    fn column(&self, array: &ArrayRef, ty: &LogicalType) -> ArrayRef {
        let masked: StringArray = (0..array.len())
            .map(|row| text::render(array.as_ref(), ty, row).map(|t| self.text(&t)))
            .collect();
        Arc::new(masked)
    }
}

/// What a snapshot entry keeps of delivered fields (canonical bytes).
pub fn kept(store_values: StoreValues, seed: u64, fields: &[u8]) -> Result<Option<Box<[u8]>>> {
    match store_values {
        StoreValues::Full => Ok(Some(fields.into())),
        StoreValues::None => Ok(None),
        StoreValues::Masked => {
            let mask = Mask::new(seed);
            let masked: Vec<_> = canon::decode_fields(fields)?
                .into_iter()
                .map(|(name, value)| (name, value.map(|v| mask.text(&v))))
                .collect();
            let mut out = Vec::new();
            canon::encode_text_fields(&masked, &mut out);
            Ok(Some(out.into()))
        }
    }
}

/// Takes the values out of the plans that ended runs of a sync left behind.
pub async fn scrub(engine: &Engine, sync: &Sync, uid: &SyncUid, seed: u64) -> Result<()> {
    if sync.store_values == StoreValues::Full {
        return Ok(());
    }
    let filter = RunFilter { sync_uid: Some(uid.clone()), ..RunFilter::default() };
    let (runs, _) = engine.store.runs(&filter, Page::first(SCRUBBED_RUNS_MAX)).await?;
    for run in runs.iter().filter(|r| r.status.is_terminal()) {
        let Some(plan) = engine.store.plan(&run.id).await?.filter(|p| !p.scrubbed) else { continue };
        let Some(file) = plan.file else { continue };
        let masked = match sync.store_values {
            StoreValues::Masked => {
                let path = format!("runs/{}/{}", run.id, crate::plan::file_name("plan", "arrow"));
                let mut reader = PlanReader::open(engine.files.open_verified(&file)?)?;
                mask_plan(engine, &mut reader, &path, Mask::new(seed))?
            }
            StoreValues::Full | StoreValues::None => None,
        };
        engine.store.scrub_plan(&run.id, masked.as_ref()).await?;
        engine.files.remove(&file)?;
    }
    Ok(())
}

/// A copy of a plan with the same chunks, masked target fields and no source columns.
fn mask_plan(
    engine: &Engine,
    reader: &mut PlanReader,
    path: &str,
    mask: Mask,
) -> Result<Option<syncline_core::run::FileRef>> {
    let text_fields =
        reader.payload_schema().fields().iter().map(|f| LogicalType::Text.field(f.name(), true));
    let schema = Arc::new(Schema::new(text_fields.collect::<Vec<_>>()));
    let mut writer =
        PlanWriter::new(schema, None, usize::MAX, u64::MAX, engine.files.clone(), path.to_string());
    for number in 0..reader.chunks() {
        let chunk = reader.chunk(number)?;
        let payload = masked_payload(&chunk, mask)?;
        writer.push_chunk(&chunk.changes, &payload, None)?;
    }
    let written = writer.finish(&Default::default())?;
    Ok(written.map(|(file, _)| file))
}

/// The target fields of a chunk with every value masked.
pub fn masked_payload(chunk: &PlanChunk, mask: Mask) -> Result<RecordBatch> {
    let schema = chunk.payload.schema();
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (field, column) in schema.fields().iter().zip(chunk.payload.columns()) {
        fields.push(LogicalType::Text.field(field.name(), true));
        columns.push(mask.column(column, &LogicalType::of(field)?));
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}
