//! The bytes of a Parquet file, for a decoder that believes what they say.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// A file in which nothing stands beyond its end.
///
/// The decoder takes room for as many bytes as the file says come next, and skips as many values as
/// it says there are without noticing that the file has ended: two thousand million of them keep it
/// busy for an hour. So a request beyond the end is an error here, and so is going on to read at it.
pub struct ParquetInput {
    file: File,
    bytes: u64,
}

impl ParquetInput {
    pub fn new(file: File) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }

    fn at(&self, start: u64) -> io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        Ok(file)
    }
}

impl Length for ParquetInput {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for ParquetInput {
    type T = UpToEnd<BufReader<File>>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(UpToEnd(BufReader::new(self.at(start)?)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.bytes) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} are beyond the end")));
        }
        let mut bytes = vec![0; length];
        self.at(start)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// A reader that fails where it has no more bytes.
pub struct UpToEnd<R>(R);

impl<R: Read> Read for UpToEnd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 if !buffer.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_beyond_the_end_is_an_error_and_nothing_is_taken_for_it() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let input = ParquetInput::new(file).unwrap();
        assert_eq!(input.len(), 10);
        assert_eq!(input.get_bytes(8, 2).unwrap(), b"89"[..]);
        for (start, length) in [(8, 3), (11, 0), (0, usize::MAX), (u64::MAX, 2)] {
            assert!(input.get_bytes(start, length).is_err(), "{start} {length}");
        }
        let mut rest = input.get_read(7).unwrap();
        let mut taken = Vec::new();
        rest.by_ref().take(3).read_to_end(&mut taken).unwrap();
        assert_eq!(taken, b"789");
        // As the decoder skips: it takes no bytes for what was there.
        assert!(io::copy(&mut rest.by_ref().take(8), &mut io::sink()).is_err());
    }
}
