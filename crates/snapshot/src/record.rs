//! One record of a segment, and its bytes.

use syncline_core::{Entry, EntryState, Hash128, Key, Origin, RemovalAction};

use crate::wire::{Bytes, Malformed, Parsed, put_sized, put_varint};

/// What a segment says of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// This is the key's entry now.
    Put(Entry),
    /// Nothing is known of this key any more, whatever older segments say.
    Erase(Key),
}

impl Record {
    pub fn key(&self) -> &Key {
        match self {
            Record::Put(entry) => &entry.key,
            Record::Erase(key) => key,
        }
    }

    /// The values kept with the entry, if any.
    pub(crate) fn values(&self) -> Option<&[u8]> {
        match self {
            Record::Put(entry) => entry.values.as_deref(),
            Record::Erase(_) => None,
        }
    }
}

/// An [`Entry`] that borrows its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRef<'a> {
    pub key: &'a [u8],
    /// [`Key::hash`] of `key`.
    pub hash: u64,
    pub state: EntryState,
    pub format: u8,
    pub source_fp: Option<Hash128>,
    pub delivered_hash: Option<Hash128>,
    pub origin: Origin,
    pub match_value: Option<&'a [u8]>,
    pub target_id: Option<&'a str>,
    pub values: Option<&'a [u8]>,
}

impl<'a> EntryRef<'a> {
    pub fn of(entry: &'a Entry) -> Self {
        Self {
            key: entry.key.as_bytes(),
            hash: entry.key.hash(),
            state: entry.state.clone(),
            format: entry.format,
            source_fp: entry.source_fp,
            delivered_hash: entry.delivered_hash,
            origin: entry.origin,
            match_value: entry.match_value.as_deref(),
            target_id: entry.target_id.as_deref(),
            values: entry.values.as_deref(),
        }
    }

    /// All but the values.
    pub(crate) fn view(&self) -> EntryView<'a> {
        EntryView {
            key: self.key,
            state: self.state.clone(),
            format: self.format,
            source_fp: self.source_fp,
            delivered_hash: self.delivered_hash,
            origin: self.origin,
            match_value: self.match_value,
            target_id: self.target_id,
            values: None,
        }
    }
}

/// Where in a segment an entry's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ValuesAt {
    pub page: u32,
    pub offset: u32,
    pub len: u32,
}

/// A [`Record`] that borrows its bytes, with its values left where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RecordView<'a> {
    Put(EntryView<'a>),
    Erase(&'a [u8]),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntryView<'a> {
    pub key: &'a [u8],
    pub state: EntryState,
    pub format: u8,
    pub source_fp: Option<Hash128>,
    pub delivered_hash: Option<Hash128>,
    pub origin: Origin,
    pub match_value: Option<&'a [u8]>,
    pub target_id: Option<&'a str>,
    pub values: Option<ValuesAt>,
}

impl<'a> RecordView<'a> {
    pub fn of(record: &'a Record) -> Self {
        match record {
            Record::Erase(key) => RecordView::Erase(key.as_bytes()),
            Record::Put(entry) => RecordView::Put(EntryRef::of(entry).view()),
        }
    }

    pub fn key(&self) -> &'a [u8] {
        match self {
            RecordView::Put(entry) => entry.key,
            RecordView::Erase(key) => key,
        }
    }

    /// Bytes of the parts of variable length, values aside.
    pub fn variable_bytes(&self) -> usize {
        match self {
            RecordView::Erase(key) => key.len(),
            RecordView::Put(entry) => {
                entry.key.len()
                    + entry.match_value.map_or(0, <[u8]>::len)
                    + entry.target_id.map_or(0, str::len)
            }
        }
    }
}

impl EntryView<'_> {
    /// The entry with `values`, which the caller has read from where [`EntryView::values`] says.
    pub fn to_entry(&self, values: Option<Box<[u8]>>) -> Entry {
        Entry {
            key: Key::new(self.key),
            state: self.state.clone(),
            format: self.format,
            source_fp: self.source_fp,
            delivered_hash: self.delivered_hash,
            origin: self.origin,
            match_value: self.match_value.map(Box::from),
            target_id: self.target_id.map(str::to_owned),
            values,
        }
    }
}

mod kind {
    pub const ERASE: u8 = 0;
    pub const DELIVERED: u8 = 1;
    pub const PENDING: u8 = 2;
    pub const ABSENT: u8 = 3;
    pub const FOREIGN: u8 = 4;
    pub const REMOVED: u8 = 5;
    pub const EDITED: u8 = 6;
}

mod flag {
    pub const ADOPTED: u8 = 1;
    pub const SOURCE_FP: u8 = 2;
    pub const DELIVERED_HASH: u8 = 4;
    pub const MATCH_VALUE: u8 = 8;
    pub const TARGET_ID: u8 = 16;
    pub const VALUES: u8 = 32;
    pub const ALL: u8 = 63;
}

/// Appends the bytes of `record` up to the place of its values, which [`put_values_at`] appends where
/// it has `values`; the layout is documented in [`crate::layout`].
pub(crate) fn encode_head(record: &RecordView<'_>, values: bool, out: &mut Vec<u8>) {
    match record {
        RecordView::Erase(key) => {
            out.push(kind::ERASE);
            put_sized(key, out);
        }
        RecordView::Put(entry) => encode_entry(entry, values, out),
    }
}

/// Appends the place of a record's values.
pub(crate) fn put_values_at(at: ValuesAt, out: &mut Vec<u8>) {
    put_varint(at.page, out);
    put_varint(at.offset, out);
    put_varint(at.len, out);
}

fn encode_entry(entry: &EntryView<'_>, values: bool, out: &mut Vec<u8>) {
    out.push(match entry.state {
        EntryState::Delivered => kind::DELIVERED,
        EntryState::Pending { .. } => kind::PENDING,
        EntryState::Absent => kind::ABSENT,
        EntryState::Foreign => kind::FOREIGN,
        EntryState::Removed { .. } => kind::REMOVED,
        EntryState::Edited => kind::EDITED,
    });
    put_sized(entry.key, out);
    let flags = [
        (entry.origin == Origin::Adopted, flag::ADOPTED),
        (entry.source_fp.is_some(), flag::SOURCE_FP),
        (entry.delivered_hash.is_some(), flag::DELIVERED_HASH),
        (entry.match_value.is_some(), flag::MATCH_VALUE),
        (entry.target_id.is_some(), flag::TARGET_ID),
        (values, flag::VALUES),
    ];
    out.push(flags.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum());
    out.push(entry.format);
    match &entry.state {
        EntryState::Pending { attempts, retry_epoch, retry_at_micros } => {
            out.extend_from_slice(&attempts.to_le_bytes());
            out.extend_from_slice(&retry_epoch.to_le_bytes());
            out.extend_from_slice(&retry_at_micros.to_le_bytes());
        }
        EntryState::Removed { action } => out.push(match action {
            RemovalAction::Delete => 0,
            RemovalAction::Clear => 1,
            RemovalAction::Flag => 2,
        }),
        EntryState::Delivered | EntryState::Absent | EntryState::Foreign | EntryState::Edited => {}
    }
    for hash in [entry.source_fp, entry.delivered_hash].into_iter().flatten() {
        out.extend_from_slice(&hash.0.to_le_bytes());
    }
    for bytes in [entry.match_value, entry.target_id.map(str::as_bytes)].into_iter().flatten() {
        put_sized(bytes, out);
    }
}

/// Whether an encoded record erases its key.
pub(crate) fn is_erasure(bytes: &[u8]) -> bool {
    bytes.first() == Some(&kind::ERASE)
}

/// The key of an encoded record, without decoding the rest.
pub(crate) fn decode_key(bytes: &[u8]) -> Parsed<&[u8]> {
    let mut bytes = Bytes::new(bytes);
    bytes.u8()?;
    bytes.sized()
}

/// Decodes one whole record.
pub(crate) fn decode(bytes: &[u8]) -> Parsed<RecordView<'_>> {
    decode_parts(bytes).map(|(record, _)| record)
}

/// Decodes one whole record, and tells the part of it that [`encode_head`] writes.
pub(crate) fn decode_parts(bytes: &[u8]) -> Parsed<(RecordView<'_>, &[u8])> {
    let mut rest = Bytes::new(bytes);
    let kind = rest.u8()?;
    let key = rest.sized()?;
    if kind == kind::ERASE {
        rest.end()?;
        return Ok((RecordView::Erase(key), bytes));
    }
    let (mut entry, has_values) = decode_entry(kind, key, &mut rest)?;
    let head = &bytes[..bytes.len() - rest.len()];
    if has_values {
        entry.values = Some(decode_values_at(&mut rest)?);
    }
    rest.end()?;
    Ok((RecordView::Put(entry), head))
}

/// An entry up to the place of its values, and whether it has any.
fn decode_entry<'a>(kind: u8, key: &'a [u8], bytes: &mut Bytes<'a>) -> Parsed<(EntryView<'a>, bool)> {
    let flags = bytes.u8()?;
    if flags & !flag::ALL != 0 {
        return Err(Malformed("a record has unknown flags"));
    }
    let has = |bit: u8| flags & bit != 0;
    let entry = EntryView {
        key,
        format: bytes.u8()?,
        state: decode_state(kind, bytes)?,
        source_fp: has(flag::SOURCE_FP).then(|| bytes.u128().map(Hash128)).transpose()?,
        delivered_hash: has(flag::DELIVERED_HASH).then(|| bytes.u128().map(Hash128)).transpose()?,
        origin: if has(flag::ADOPTED) { Origin::Adopted } else { Origin::Created },
        match_value: has(flag::MATCH_VALUE).then(|| bytes.sized()).transpose()?,
        target_id: has(flag::TARGET_ID).then(|| decode_text(bytes)).transpose()?,
        values: None,
    };
    Ok((entry, has(flag::VALUES)))
}

fn decode_state(kind: u8, bytes: &mut Bytes<'_>) -> Parsed<EntryState> {
    Ok(match kind {
        kind::DELIVERED => EntryState::Delivered,
        kind::PENDING => EntryState::Pending {
            attempts: bytes.u32()?,
            retry_epoch: bytes.u64()?,
            retry_at_micros: bytes.i64()?,
        },
        kind::ABSENT => EntryState::Absent,
        kind::FOREIGN => EntryState::Foreign,
        kind::REMOVED => EntryState::Removed {
            action: match bytes.u8()? {
                0 => RemovalAction::Delete,
                1 => RemovalAction::Clear,
                2 => RemovalAction::Flag,
                _ => return Err(Malformed("a record has an unknown removal action")),
            },
        },
        kind::EDITED => EntryState::Edited,
        _ => return Err(Malformed("a record is of an unknown kind")),
    })
}

fn decode_text<'a>(bytes: &mut Bytes<'a>) -> Parsed<&'a str> {
    std::str::from_utf8(bytes.sized()?).map_err(|_| Malformed("a target id is not UTF-8"))
}

fn decode_values_at(bytes: &mut Bytes<'_>) -> Parsed<ValuesAt> {
    Ok(ValuesAt { page: bytes.varint()?, offset: bytes.varint()?, len: bytes.varint()? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_that_are_no_record_are_an_error_and_never_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..120),
        ) {
            if let Ok(record) = decode(&bytes) {
                prop_assert_eq!(decode_key(&bytes), Ok(record.key()));
            }
        }

        #[test]
        fn a_cut_record_is_an_error(cut in 0usize..80, len in 0usize..40) {
            let entry = EntryView {
                key: &vec![7; len],
                state: EntryState::Pending { attempts: 3, retry_epoch: 1 << 40, retry_at_micros: -1 },
                format: 1,
                source_fp: Some(Hash128(u128::MAX)),
                delivered_hash: Some(Hash128(5)),
                origin: Origin::Adopted,
                match_value: Some(b"m"),
                target_id: Some("id"),
                values: Some(ValuesAt { page: 1, offset: 300, len: 70_000 }),
            };
            let record = RecordView::Put(entry);
            let mut bytes = Vec::new();
            encode_head(&record, true, &mut bytes);
            let head = bytes.clone();
            put_values_at(ValuesAt { page: 1, offset: 300, len: 70_000 }, &mut bytes);
            prop_assert_eq!(decode_parts(&bytes), Ok((record, &head[..])));
            prop_assert!(cut >= bytes.len() || decode(&bytes[..cut]).is_err());
            bytes.push(0);
            prop_assert!(decode(&bytes).is_err());
        }
    }
}
