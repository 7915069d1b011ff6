//! Taking numbers and byte strings off a slice without ever reading past its end.

/// Why bytes could not be understood. Whoever knows where they came from adds the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub &'static str);

pub(crate) type Parsed<T> = Result<T, Malformed>;

/// A position in a slice of stored bytes. Numbers are little-endian.
pub(crate) struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn take(&mut self, n: usize) -> Parsed<&'a [u8]> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or(Malformed("it is cut short"))?;
        self.rest = tail;
        Ok(head)
    }

    pub fn array<const N: usize>(&mut self) -> Parsed<[u8; N]> {
        let (head, tail) = self.rest.split_first_chunk().ok_or(Malformed("it is cut short"))?;
        self.rest = tail;
        Ok(*head)
    }

    pub fn u8(&mut self) -> Parsed<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u32(&mut self) -> Parsed<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Parsed<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub fn i64(&mut self) -> Parsed<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    pub fn u128(&mut self) -> Parsed<u128> {
        Ok(u128::from_le_bytes(self.array()?))
    }

    /// An unsigned number in groups of seven bits, the lowest first (LEB128), of at most 32 bits.
    pub fn varint(&mut self) -> Parsed<u32> {
        let mut value = 0u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| Malformed("a number is too large"));
            }
        }
        Err(Malformed("a number is too long"))
    }

    /// Bytes with their length, a [`Bytes::varint`], before them.
    pub fn sized(&mut self) -> Parsed<&'a [u8]> {
        let len = self.varint()?;
        self.take(len as usize)
    }

    /// Bytes left.
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn end(&self) -> Parsed<()> {
        if self.is_empty() { Ok(()) } else { Err(Malformed("it is longer than what it holds")) }
    }
}

/// See [`Bytes::varint`].
pub(crate) fn put_varint(mut value: u32, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes that [`put_varint`] appends.
pub(crate) fn varint_bytes(value: u32) -> usize {
    (32 - value.leading_zeros()).div_ceil(7).max(1) as usize
}

/// See [`Bytes::sized`]. The caller has made sure that the length fits 32 bits.
pub(crate) fn put_sized(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as u32, out);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_reads_back_whatever_its_size() {
        for value in [0, 1, 127, 128, 16_383, 16_384, 1 << 28, u32::MAX] {
            let mut bytes = Vec::new();
            put_varint(value, &mut bytes);
            assert_eq!(bytes.len(), varint_bytes(value));
            let mut reader = Bytes::new(&bytes);
            assert_eq!(reader.varint(), Ok(value));
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn a_number_of_more_than_32_bits_is_refused() {
        assert!(Bytes::new(&[0xff, 0xff, 0xff, 0xff, 0x1f]).varint().is_err());
        assert!(Bytes::new(&[0x80; 6]).varint().is_err());
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        assert!(Bytes::new(&[0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2]).sized().is_err());
    }
}
