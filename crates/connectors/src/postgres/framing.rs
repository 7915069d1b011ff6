//! Where rows and fields begin and end in a COPY BINARY stream.
//!
//! Finding boundaries is separate from decoding values, so that a row can be looked at, or skipped,
//! without being decoded. Format: PostgreSQL documentation, "COPY", section "Binary Format".

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags, and length of the extension area.
const HEADER_BYTES: usize = SIGNATURE.len() + 4 + 4;
/// No server writes an extension so far; this is room for one, not for nonsense.
const EXTENSION_BYTES_MAX: usize = 1 << 20;
/// A row arrives in one protocol message, which is shorter than this.
const ROW_BYTES_MAX: usize = i32::MAX as usize;
/// What stands before a row's fields (their count), and before each of them (its length).
const COUNT_BYTES: usize = 2;
const LENGTH_BYTES: usize = 4;

/// Bytes that are no COPY BINARY stream, or not one of the expected shape.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

/// One row: its bytes and the bounds of its fields.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    bytes: &'a [u8],
    bounds: &'a [Bounds],
    has_nulls: bool,
}

/// Place of a field's value within its row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    start: u32,
    /// -1 for NULL.
    len: i32,
}

impl<'a> Row<'a> {
    /// The whole row that `bytes` consist of. `bounds`: room for one per column.
    pub fn of(bytes: &'a [u8], bounds: &'a mut [Bounds]) -> Result<Self, Malformed> {
        match scan_row(bytes, bounds)? {
            Some(Scanned { len, has_nulls }) if len == bytes.len() => Ok(Self { bytes, bounds, has_nulls }),
            _ => Err(Malformed("a row has another length".into())),
        }
    }

    /// The row as it came.
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The fields in order, as the type's send function wrote them; `None` for NULL.
    pub fn fields(self) -> impl Iterator<Item = Option<&'a [u8]>> {
        (0..self.bounds.len()).map(move |i| self.field(i))
    }

    /// One field; `None` for NULL.
    #[inline]
    pub fn field(self, index: usize) -> Option<&'a [u8]> {
        let Bounds { start, len } = self.bounds[index];
        let len = usize::try_from(len).ok()?;
        Some(&self.bytes[start as usize..start as usize + len])
    }

    /// Which fields are NULL.
    #[inline]
    pub fn nulls(self) -> impl Iterator<Item = usize> {
        let bounds = if self.has_nulls { self.bounds } else { &[] };
        bounds.iter().enumerate().filter(|(_, b)| b.len < 0).map(|(i, _)| i)
    }

    /// The bytes of a run of fields, each with its length before it. Panics when the run is empty.
    #[inline]
    pub fn run(self, fields: &std::ops::Range<usize>) -> &'a [u8] {
        let (first, last) = (self.bounds[fields.start], self.bounds[fields.end - 1]);
        &self.bytes[first.start as usize - LENGTH_BYTES..last.start as usize + last.len.max(0) as usize]
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Rows,
    Ended,
}

/// Finds rows in a stream whose bytes come in pieces that may be split anywhere.
///
/// Feed a piece, take rows until there is none, feed the next. Bytes are copied only of a row that
/// is split.
pub struct Framer {
    state: State,
    bytes: Vec<u8>,
    /// How much of `bytes` is used up.
    used: usize,
    bounds: Vec<Bounds>,
}

impl Framer {
    /// For a stream whose rows have this many fields.
    pub fn new(columns: usize) -> Self {
        Self { state: State::Header, bytes: Vec::new(), used: 0, bounds: vec![Bounds::default(); columns] }
    }

    /// For rows with so many fields and nothing before or behind them.
    pub fn without_header(columns: usize) -> Self {
        Self { state: State::Rows, ..Self::new(columns) }
    }

    /// Gives the next piece.
    pub fn feed(&mut self, piece: Vec<u8>) {
        if self.used == self.bytes.len() {
            self.bytes = piece;
        } else {
            self.bytes.drain(..self.used);
            self.bytes.extend_from_slice(&piece);
        }
        self.used = 0;
    }

    /// The next complete row, or `None` when another piece is needed (or the stream has ended).
    #[inline]
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, Malformed> {
        if self.state != State::Rows && !self.scan_header()? {
            return Ok(None);
        }
        let start = self.used;
        let Some(Scanned { len, has_nulls }) = scan_row(&self.bytes[start..], &mut self.bounds)? else {
            return self.scan_trailer().map(|()| None);
        };
        self.used += len;
        Ok(Some(Row { bytes: &self.bytes[start..self.used], bounds: &self.bounds, has_nulls }))
    }

    /// Where in the bytes that [`Framer::take`] would hand out the last row ends.
    pub fn position(&self) -> usize {
        self.used
    }

    /// Hands out the bytes up to the end of the last row and keeps the rest.
    pub fn take(&mut self) -> Vec<u8> {
        let rest = self.bytes.split_off(self.used);
        self.used = 0;
        std::mem::replace(&mut self.bytes, rest)
    }

    /// Checks that the stream ended where it should: after its trailer.
    pub fn finish(&self) -> Result<(), Malformed> {
        match self.state {
            State::Ended if self.used == self.bytes.len() => Ok(()),
            _ => Err(Malformed("the data ends in the middle".into())),
        }
    }

    /// Whether rows may follow.
    fn scan_header(&mut self) -> Result<bool, Malformed> {
        let bytes = &self.bytes[self.used..];
        if self.state == State::Ended {
            return if bytes.is_empty() {
                Ok(false)
            } else {
                Err(Malformed("there is data after the end".into()))
            };
        }
        let known = bytes.len().min(SIGNATURE.len());
        if bytes[..known] != SIGNATURE[..known] {
            return Err(Malformed("the data does not start as COPY BINARY does".into()));
        }
        if bytes.len() < HEADER_BYTES {
            return Ok(false);
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
            return Ok(false);
        }
        self.used += len;
        self.state = State::Rows;
        Ok(true)
    }

    /// Called where no whole row follows: it may be the end.
    fn scan_trailer(&mut self) -> Result<(), Malformed> {
        let rest = &self.bytes[self.used..];
        if rest.starts_with(&(-1i16).to_be_bytes()) {
            self.used += 2;
            self.state = State::Ended;
            if rest.len() > 2 {
                return Err(Malformed("there is data after the end".into()));
            }
        }
        Ok(())
    }
}

/// A row that was found.
struct Scanned {
    len: usize,
    has_nulls: bool,
}

/// Finds the fields of the row that `bytes` start with, and its length. `None`: it is not there as a
/// whole, or it is the trailer.
#[inline]
fn scan_row(bytes: &[u8], bounds: &mut [Bounds]) -> Result<Option<Scanned>, Malformed> {
    let Some((count, _)) = bytes.split_first_chunk() else { return Ok(None) };
    let count = i16::from_be_bytes(*count);
    if usize::try_from(count) != Ok(bounds.len()) {
        return if count == -1 { Ok(None) } else { Err(other_shape(count, bounds.len())) };
    }
    let bytes = &bytes[..bytes.len().min(ROW_BYTES_MAX)];
    let (mut at, mut has_nulls) = (COUNT_BYTES, false);
    for field in bounds {
        let Some(len) = bytes.get(at..).and_then(<[u8]>::first_chunk) else { return Ok(None) };
        let len = i32::from_be_bytes(*len);
        at += LENGTH_BYTES;
        *field = Bounds { start: at as u32, len };
        if len >= 0 {
            at += len as usize;
        } else if len == -1 {
            has_nulls = true;
        } else {
            return Err(Malformed(format!("a field has a length of {len}")));
        }
        if at > ROW_BYTES_MAX {
            return Err(Malformed("a row is longer than 2 GiB".into()));
        }
    }
    Ok((at <= bytes.len()).then_some(Scanned { len: at, has_nulls }))
}

#[cold]
fn other_shape(count: i16, expected: usize) -> Malformed {
    Malformed(format!("a row has {count} fields instead of {expected}"))
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
            framer.feed(chunk.to_vec());
            while let Some(row) = framer.next_row()? {
                rows.push(row.fields().map(|f| f.map(<[u8]>::to_vec)).collect());
                if rows.len() % 2 == 0 {
                    framer.take();
                }
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
