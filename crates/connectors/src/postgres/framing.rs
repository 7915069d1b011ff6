//! Where rows and fields begin and end in a COPY BINARY stream.
//!
//! Finding boundaries is separate from decoding values, so that a row can be looked at, or skipped,
//! without being decoded. Format: PostgreSQL documentation, "COPY", section "Binary Format".

use bytes::Bytes;

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags, and length of the extension area.
const HEADER_BYTES: usize = SIGNATURE.len() + 4 + 4;
/// No server writes an extension so far; this is room for one, not for nonsense.
const EXTENSION_BYTES_MAX: usize = 1 << 20;
/// A row arrives in one protocol message, which is shorter than this.
const ROW_BYTES_MAX: usize = i32::MAX as usize;
/// A carry buffer that one giant row made larger than this is given back.
const CARRY_BYTES_KEPT: usize = 1 << 20;

/// Bytes that are no COPY BINARY stream, or not one of the expected shape.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

/// One row: its bytes and the bounds of its fields.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    bytes: &'a [u8],
    bounds: &'a [Bounds],
}

impl<'a> Row<'a> {
    /// The fields in order, as the type's send function wrote them; `None` for NULL.
    pub fn fields(self) -> impl Iterator<Item = Option<&'a [u8]>> {
        self.bounds.iter().map(move |b| (!b.null).then(|| &self.bytes[b.start..b.end]))
    }
}

/// Place of a field within its row.
#[derive(Clone, Copy)]
struct Bounds {
    start: usize,
    end: usize,
    null: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Rows,
    Ended,
}

/// Finds rows in chunks that may be split anywhere.
///
/// Feed a chunk, take rows until there is none, feed the next. A row that lies within one chunk is
/// not copied; of a split one, each byte is copied once.
pub struct Framer {
    columns: usize,
    state: State,
    chunk: Bytes,
    /// How much of `chunk` is used up.
    used: usize,
    /// Start of a header or row whose end has not arrived, or that was handed out last.
    carry: Vec<u8>,
    carry_handed_out: bool,
    /// Length that `carry` must reach before looking again is worthwhile.
    wanted: usize,
    /// Fields found so far in the current row.
    bounds: Vec<Bounds>,
}

enum Scan {
    /// A header, row or trailer of this many bytes.
    Complete(usize),
    /// Not decidable with fewer than this many bytes.
    Wants(usize),
}

impl Framer {
    /// For a stream whose rows have this many fields.
    pub fn new(columns: usize) -> Self {
        Self {
            columns,
            state: State::Header,
            chunk: Bytes::new(),
            used: 0,
            carry: Vec::new(),
            carry_handed_out: false,
            wanted: 0,
            bounds: Vec::with_capacity(columns),
        }
    }

    /// Gives the next chunk. The previous one must have been used up: [`Framer::next_row`] answered
    /// `None`.
    pub fn feed(&mut self, chunk: Bytes) {
        debug_assert_eq!(self.used, self.chunk.len(), "the previous chunk has rows left");
        self.chunk = chunk;
        self.used = 0;
    }

    /// The next complete row, or `None` when another chunk is needed (or the stream has ended).
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, Malformed> {
        loop {
            self.forget_handed_out();
            let before = self.state;
            let Some((in_carry, start, len)) = self.next_unit()? else { return Ok(None) };
            if before == State::Rows && self.state == State::Rows {
                let bytes = if in_carry { &self.carry[..] } else { &self.chunk[start..start + len] };
                return Ok(Some(Row { bytes, bounds: &self.bounds }));
            }
        }
    }

    /// Checks that the stream ended where it should: after its trailer.
    pub fn finish(&self) -> Result<(), Malformed> {
        match self.state {
            State::Ended if self.used == self.chunk.len() => Ok(()),
            _ => Err(Malformed("the data ends in the middle".into())),
        }
    }

    fn forget_handed_out(&mut self) {
        if self.carry_handed_out {
            self.carry_handed_out = false;
            self.carry.clear();
            self.carry.shrink_to(CARRY_BYTES_KEPT);
        }
    }

    /// Finds the next header, row or trailer: whether it lies in `carry`, where, and how long it is.
    fn next_unit(&mut self) -> Result<Option<(bool, usize, usize)>, Malformed> {
        let rest = self.chunk.len() - self.used;
        if rest == 0 {
            return Ok(None);
        }
        if self.state == State::Ended {
            return Err(Malformed("there is data after the end".into()));
        }
        if self.carry.is_empty() {
            self.bounds.clear();
            let chunk = std::mem::take(&mut self.chunk);
            let found = self.scan(&chunk[self.used..]);
            self.chunk = chunk;
            match found? {
                Scan::Complete(len) => {
                    let start = self.used;
                    self.used += len;
                    return Ok(Some((false, start, len)));
                }
                Scan::Wants(wanted) => self.wanted = wanted,
            }
        }
        loop {
            let missing = self.wanted - self.carry.len();
            let taken = missing.min(self.chunk.len() - self.used);
            self.carry.extend_from_slice(&self.chunk[self.used..self.used + taken]);
            self.used += taken;
            if taken < missing {
                return Ok(None);
            }
            let carry = std::mem::take(&mut self.carry);
            let found = self.scan(&carry);
            self.carry = carry;
            match found? {
                Scan::Complete(len) => {
                    self.carry_handed_out = true;
                    return Ok(Some((true, 0, len)));
                }
                Scan::Wants(wanted) => self.wanted = wanted,
            }
        }
    }

    /// Looks at bytes that start with a header or row, going on behind the fields already found.
    fn scan(&mut self, bytes: &[u8]) -> Result<Scan, Malformed> {
        match self.state {
            State::Header => self.scan_header(bytes),
            _ => self.scan_row(bytes),
        }
    }

    fn scan_header(&mut self, bytes: &[u8]) -> Result<Scan, Malformed> {
        let known = bytes.len().min(SIGNATURE.len());
        if bytes[..known] != SIGNATURE[..known] {
            return Err(Malformed("the data does not start as COPY BINARY does".into()));
        }
        if bytes.len() < HEADER_BYTES {
            return Ok(Scan::Wants(HEADER_BYTES));
        }
        // Bits 16 to 31 change the format of rows; the others may be ignored.
        if be_u32(bytes, SIGNATURE.len()) >> 16 != 0 {
            return Err(Malformed("the data has a COPY BINARY format that is not known".into()));
        }
        let extension = be_u32(bytes, SIGNATURE.len() + 4) as usize;
        if extension > EXTENSION_BYTES_MAX {
            return Err(Malformed(format!("the header has an extension of {extension} bytes")));
        }
        let len = HEADER_BYTES + extension;
        if bytes.len() < len {
            return Ok(Scan::Wants(len));
        }
        self.state = State::Rows;
        Ok(Scan::Complete(len))
    }

    fn scan_row(&mut self, bytes: &[u8]) -> Result<Scan, Malformed> {
        let Some(count) = bytes.first_chunk() else { return Ok(Scan::Wants(2)) };
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            self.state = State::Ended;
            return Ok(Scan::Complete(2));
        }
        if usize::try_from(count) != Ok(self.columns) {
            return Err(Malformed(format!("a row has {count} fields instead of {}", self.columns)));
        }
        let mut at = self.bounds.last().map_or(2, |b| b.end);
        while self.bounds.len() < self.columns {
            let Some(len) = bytes.get(at..).and_then(<[u8]>::first_chunk) else {
                return Ok(Scan::Wants(at + 4));
            };
            let len = i32::from_be_bytes(*len);
            let start = at + 4;
            let end = match len {
                -1 => start,
                0.. => start + len as usize,
                _ => return Err(Malformed(format!("a field has a length of {len}"))),
            };
            if end > ROW_BYTES_MAX {
                return Err(Malformed("a row is longer than 2 GiB".into()));
            }
            if end > bytes.len() {
                return Ok(Scan::Wants(end));
            }
            self.bounds.push(Bounds { start, end, null: len == -1 });
            at = end;
        }
        Ok(Scan::Complete(at))
    }
}

fn be_u32(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Fields = Vec<Option<Vec<u8>>>;

    fn encode(rows: &[Fields]) -> Vec<u8> {
        let mut out = SIGNATURE.to_vec();
        out.extend([0; 8]);
        for row in rows {
            out.extend((row.len() as i16).to_be_bytes());
            for field in row {
                match field {
                    None => out.extend((-1i32).to_be_bytes()),
                    Some(bytes) => {
                        out.extend((bytes.len() as i32).to_be_bytes());
                        out.extend(bytes);
                    }
                }
            }
        }
        out.extend((-1i16).to_be_bytes());
        out
    }

    fn frame<'a>(columns: usize, chunks: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Fields>, Malformed> {
        let mut framer = Framer::new(columns);
        let mut rows = Vec::new();
        for chunk in chunks {
            framer.feed(Bytes::copy_from_slice(chunk));
            while let Some(row) = framer.next_row()? {
                rows.push(row.fields().map(|f| f.map(<[u8]>::to_vec)).collect());
            }
        }
        framer.finish()?;
        Ok(rows)
    }

    proptest! {
        #[test]
        fn chunks_may_be_split_anywhere(
            rows in prop::collection::vec(
                prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..40)), 3),
                0..8,
            ),
            size in 1usize..60,
        ) {
            let bytes = encode(&rows);
            prop_assert_eq!(frame(3, bytes.chunks(size)).unwrap(), rows);
        }

        #[test]
        fn any_damage_is_an_error_or_harmless_but_never_a_panic(
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            size in 1usize..60,
        ) {
            let mut bytes = encode(&[vec![Some(b"hello".to_vec()), None], vec![None, Some(Vec::new())]]);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = frame(2, bytes.chunks(size));
        }

        #[test]
        fn a_cut_stream_is_never_whole(cut in any::<prop::sample::Index>()) {
            let bytes = encode(&[vec![Some(b"hello".to_vec())], vec![None]]);
            let cut = cut.index(bytes.len());
            prop_assert!(frame(1, std::iter::once(&bytes[..cut])).is_err());
        }
    }

    #[test]
    fn wrong_shapes_are_told_apart() {
        let good = encode(&[vec![None]]);
        let mut flags = good.clone();
        flags[12] = 1;
        let mut extension = good.clone();
        extension[15] = 0x7f;
        let mut length = good.clone();
        length[21..25].copy_from_slice(&(-2i32).to_be_bytes());
        let mut trailing = good.clone();
        trailing.push(0);
        for (bytes, columns, expected) in [
            (b"PGDUMP...............".to_vec(), 1, "does not start"),
            (flags, 1, "not known"),
            (extension, 1, "extension"),
            (length, 1, "length of -2"),
            (trailing, 1, "after the end"),
            (good.clone(), 2, "1 fields instead of 2"),
        ] {
            let Malformed(message) = frame(columns, std::iter::once(&bytes[..])).unwrap_err();
            assert!(message.contains(expected), "{message} should contain {expected}");
        }
    }
}
