//! Rows on their way from the source to the comparison, decoded or not.

use syncline_connector::{Identities, RawBatch, SourceBatch};
use syncline_core::Result;

use crate::ingest;
use crate::normalize::Normalizer;

/// Rows of a read with what they are known by.
#[expect(clippy::large_enum_variant, reason = "a run has few of them")]
pub enum Rows {
    Decoded { batch: SourceBatch, identities: Identities },
    Raw(Box<dyn RawBatch>),
}

impl Rows {
    pub fn decoded(batch: SourceBatch, normalizer: &Normalizer) -> Self {
        let identities = normalizer.identify(&batch.rows);
        Rows::Decoded { batch, identities }
    }

    /// Rows as their source knows them, all decoded.
    pub fn fully_decoded(self) -> Result<Self> {
        match self {
            Rows::Raw(raw) => {
                let all: Vec<u32> = (0..raw.identities().len() as u32).collect();
                Ok(Rows::Decoded { batch: raw.decode(&all)?, identities: raw.identities().clone() })
            }
            decoded => Ok(decoded),
        }
    }

    /// The rows at `chosen` (ascending), and none of the unreadable ones.
    pub fn subset(&self, chosen: &[u32], normalizer: &Normalizer) -> Result<Self> {
        let batch = self.decode(chosen)?;
        let before = self.identities();
        let mut identities = Identities::with_columns(batch.rows.num_columns());
        for (column, array) in batch.rows.columns().iter().enumerate() {
            identities.count_nulls(column, array.null_count() as u64);
        }
        let normalized = normalizer.rows(&batch.rows);
        for (row, old) in chosen.iter().enumerate() {
            if let Some(value) = normalized.cursor(row) {
                identities.see_cursor(value);
            }
            let old_row = *old as usize;
            match before.unclear().binary_search(old) {
                Ok(_) => identities.push_unclear(),
                Err(_) => identities.push(before.fingerprint(old_row), |key| {
                    key.extend_from_slice(before.key(old_row));
                }),
            }
        }
        Ok(Rows::Decoded { batch, identities })
    }

    pub fn identities(&self) -> &Identities {
        match self {
            Rows::Decoded { identities, .. } => identities,
            Rows::Raw(raw) => raw.identities(),
        }
    }

    pub fn len(&self) -> usize {
        self.identities().len()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        match self {
            Rows::Decoded { batch, identities } => batch.rows.get_array_memory_size() + identities.bytes(),
            Rows::Raw(raw) => raw.bytes(),
        }
    }

    /// Rows of which it is already known that they have no canonical form. Their fingerprint is of the
    /// rest of them.
    pub fn invalid(&self) -> impl Iterator<Item = usize> {
        let invalid = match self {
            Rows::Decoded { batch, .. } => batch.invalid.as_slice(),
            Rows::Raw(_) => &[],
        };
        invalid.iter().map(|i| i.row)
    }

    /// The rows at `rows` (ascending) in canonical form.
    pub fn decode(&self, rows: &[u32]) -> Result<SourceBatch> {
        match self {
            Rows::Decoded { batch, .. } => ingest::select(batch, rows),
            Rows::Raw(raw) => raw.decode(rows),
        }
    }
}
