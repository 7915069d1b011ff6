//! A record of a delta before it is in a segment: the bytes it will have there, and its values.
//!
//! ```text
//! frame       u8 flags: 1 values, 2 large values, 4 repeated; u32 bytes of the head, u32 bytes of
//!             the values, the head, the values or, where they are large, u64 offset, u64 checksum
//! ```
//!
//! The head is the record as [`crate::layout`] documents it, without the place of its values.
//! Frames live in memory and in temporary files of one process; their layout can change any time.

use crate::record::{RecordView, decode_key, encode_head};
use crate::wire::{Bytes, Parsed, varint_bytes};

/// Flags and lengths; and in the head, the record's kind.
const LENGTHS_BYTES: usize = 9;
const KIND_BYTES: usize = 1;

/// Bytes of a frame beside its key, match value, id and values, at most.
pub(crate) const FIXED_BYTES_MAX: usize = 128;

mod flag {
    pub const VALUES: u8 = 1;
    pub const LARGE: u8 = 2;
    pub const REPEATED: u8 = 4;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// The record's bytes up to the place of its values.
    pub head: &'a [u8],
    pub values: FrameValues<'a>,
    /// The key was pushed more than once.
    pub repeated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameValues<'a> {
    None,
    Here(&'a [u8]),
    /// In the file of large values.
    Large(LargeAt),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LargeAt {
    pub offset: u64,
    pub len: u32,
    pub checksum: u64,
}

impl<'a> Frame<'a> {
    /// Takes the frame that `bytes` start with, and says how long it is.
    pub fn parse(bytes: &'a [u8]) -> Parsed<(Self, usize)> {
        let mut rest = Bytes::new(bytes);
        let flags = rest.u8()?;
        let (head_bytes, len) = (rest.u32()?, rest.u32()?);
        let head = rest.take(head_bytes as usize)?;
        let values = if flags & flag::LARGE != 0 {
            FrameValues::Large(LargeAt { offset: rest.u64()?, len, checksum: rest.u64()? })
        } else if flags & flag::VALUES != 0 {
            FrameValues::Here(rest.take(len as usize)?)
        } else {
            FrameValues::None
        };
        let frame = Self { head, values, repeated: flags & flag::REPEATED != 0 };
        Ok((frame, bytes.len() - rest.len()))
    }

    pub fn key(&self) -> Parsed<&'a [u8]> {
        decode_key(self.head)
    }

    /// Where in a frame a key of this length starts.
    pub fn key_offset(key_bytes: usize) -> usize {
        LENGTHS_BYTES + KIND_BYTES + varint_bytes(key_bytes as u32)
    }

    /// Appends the frame's bytes.
    pub fn put(&self, out: &mut Vec<u8>) {
        let at = put_lengths(self.values, self.repeated, out);
        out.extend_from_slice(self.head);
        put_values(self.values, at, self.head.len(), out);
    }
}

/// Appends the bytes of a record's frame.
pub(crate) fn put_record(record: &RecordView<'_>, values: FrameValues<'_>, out: &mut Vec<u8>) {
    let at = put_lengths(values, false, out);
    let start = out.len();
    encode_head(record, values != FrameValues::None, out);
    let head_bytes = out.len() - start;
    put_values(values, at, head_bytes, out);
}

/// Appends flags and lengths, and says where the head's length belongs.
fn put_lengths(values: FrameValues<'_>, repeated: bool, out: &mut Vec<u8>) -> usize {
    let (flags, len) = match values {
        FrameValues::None => (0, 0),
        FrameValues::Here(bytes) => (flag::VALUES, bytes.len() as u32),
        FrameValues::Large(at) => (flag::LARGE, at.len),
    };
    out.push(if repeated { flags | flag::REPEATED } else { flags });
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&len.to_le_bytes());
    at
}

fn put_values(values: FrameValues<'_>, at: usize, head_bytes: usize, out: &mut Vec<u8>) {
    out[at..at + 4].copy_from_slice(&(head_bytes as u32).to_le_bytes());
    match values {
        FrameValues::None => {}
        FrameValues::Here(bytes) => out.extend_from_slice(bytes),
        FrameValues::Large(at) => {
            out.extend_from_slice(&at.offset.to_le_bytes());
            out.extend_from_slice(&at.checksum.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_frame_reads_back_and_its_key_is_where_it_is_said_to_be(
            key in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                prop::collection::vec(any::<u8>(), 16_383..16_386),
            ],
            values in prop::option::of(prop::collection::vec(any::<u8>(), 0..50)),
            large: bool,
            repeated: bool,
            tail in prop::collection::vec(any::<u8>(), 0..5),
        ) {
            let values = match &values {
                None => FrameValues::None,
                Some(values) if large => {
                    FrameValues::Large(LargeAt { offset: 1 << 40, len: values.len() as u32, checksum: 7 })
                }
                Some(values) => FrameValues::Here(values),
            };
            let mut bytes = Vec::new();
            put_record(&RecordView::Erase(&key), values, &mut bytes);
            let len = bytes.len();
            bytes.extend(&tail);
            let (frame, parsed) = Frame::parse(&bytes).unwrap();
            prop_assert_eq!((frame.values, frame.repeated, parsed), (values, false, len));
            prop_assert_eq!(frame.key().unwrap(), &key[..]);
            prop_assert_eq!(&bytes[Frame::key_offset(key.len())..][..key.len()], &key[..]);
            let mut again = Vec::new();
            Frame { repeated, ..frame }.put(&mut again);
            prop_assert_eq!(Frame::parse(&again), Ok((Frame { repeated, ..frame }, len)));
        }
    }
}
