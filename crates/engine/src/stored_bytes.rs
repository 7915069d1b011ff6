//! Decoding of stored files whose bytes may not be those that were written.
//!
//! The libraries that decode Arrow and Parquet trust lengths in the bytes: they allocate what these
//! say, and panic on some that contradict each other. So lengths are checked first, and a panic that
//! is left becomes an error [G17].

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::ipc::{Block, MetadataVersion, root_as_footer, root_as_message};
use syncline_core::{Error, ErrorKind, Result};

/// The format's magic is at both ends, at the first padded to eight bytes.
const MAGIC: &[u8; 6] = b"ARROW1";
/// Length of the footer and magic, at the end.
const TRAILER_BYTES: u64 = 10;
/// Marks metadata whose length follows; older writers left it out.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// The most bytes one byte of LZ4 can stand for.
const LZ4_RATIO_MAX: i64 = 255;

/// Runs a decoder; `what` is the file, for messages.
pub fn contained<T>(what: &str, decode: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(corrupt(what, "its content contradicts itself")))
}

/// Checks that no length in an Arrow file (Arrow documentation, "IPC File Format") says more than
/// the file can hold.
pub fn check_ipc_lengths(what: &str, file: &File) -> Result<()> {
    let file_bytes = file.metadata()?.len();
    let footer_end = file_bytes.checked_sub(TRAILER_BYTES).ok_or_else(|| corrupt(what, "it is cut short"))?;
    let mut trailer = [0; TRAILER_BYTES as usize];
    file.read_exact_at(&mut trailer, footer_end)?;
    let (length, magic) = trailer.split_at(4);
    if magic != MAGIC {
        return Err(corrupt(what, "it does not end like an Arrow file; it may be cut short"));
    }
    let length = u64::from(length.iter().rev().fold(0u32, |number, byte| number << 8 | u32::from(*byte)));
    let start = footer_end.checked_sub(length).ok_or_else(|| corrupt(what, "its footer is too long"))?;
    let footer = read(file, start, length)?;
    let footer = root_as_footer(&footer).map_err(|_| corrupt(what, "its footer is damaged"))?;
    if footer.dictionaries().is_some_and(|blocks| !blocks.is_empty()) {
        return Err(corrupt(what, "it has dictionaries, which are never written"));
    }
    for block in footer.recordBatches().iter().flatten() {
        check_block(file, start, block).map_err(|e| {
            e.map_or_else(|| corrupt(what, "the lengths in a chunk contradict it"), Error::from)
        })?;
    }
    Ok(())
}

/// `Err(None)` when the block's lengths cannot be right.
fn check_block(
    file: &File,
    blocks_end: u64,
    block: &Block,
) -> std::result::Result<(), Option<std::io::Error>> {
    let number = |signed: i64| u64::try_from(signed).map_err(|_| None);
    let offset = number(block.offset())?;
    let metadata_bytes = number(i64::from(block.metaDataLength()))?;
    let body_bytes = number(block.bodyLength())?;
    let body = offset.checked_add(metadata_bytes).ok_or(None)?;
    if body.checked_add(body_bytes).is_none_or(|end| end > blocks_end) {
        return Err(None);
    }
    let metadata = read(file, offset, metadata_bytes)?;
    let prefix = if metadata.starts_with(&CONTINUATION) { 8 } else { 4 };
    let message = root_as_message(metadata.get(prefix..).ok_or(None)?).map_err(|_| None)?;
    let batch = message.header_as_record_batch().filter(|_| message.version() == MetadataVersion::V5);
    let batch = batch.ok_or(None)?;
    for buffer in batch.buffers().iter().flatten() {
        let (at, stored) = (number(buffer.offset())?, number(buffer.length())?);
        if at.checked_add(stored).is_none_or(|end| end > body_bytes) {
            return Err(None);
        }
        if batch.compression().is_some() && stored > 0 {
            // What it is before compression stands first; -1 means that it is not compressed.
            let mut raw = [0; 8];
            file.read_exact_at(&mut raw, body + at)?;
            let raw = i64::from_le_bytes(raw);
            if raw < -1 || raw > buffer.length().saturating_mul(LZ4_RATIO_MAX) {
                return Err(None);
            }
        }
    }
    Ok(())
}

/// Reads bytes that are known to be within the file.
fn read(file: &File, offset: u64, length: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

fn corrupt(what: &str, why: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("{what} cannot be read: {why}"))
        .help("restore the state folder from a backup")
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use arrow::array::{RecordBatch, StringArray};
    use arrow::ipc::CompressionType;
    use arrow::ipc::writer::{FileWriter, IpcWriteOptions};

    use super::*;

    fn arrow_file() -> Vec<u8> {
        let texts: StringArray = (0..1_000).map(|i| Some(format!("text {}", i % 10))).collect();
        let batch = RecordBatch::try_from_iter([("t", Arc::new(texts) as _)]).unwrap();
        let options =
            IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME)).unwrap();
        let mut writer = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    }

    fn checked(bytes: &[u8]) -> Result<()> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        check_ipc_lengths("a file", &file)
    }

    #[test]
    fn a_whole_file_is_fine_and_a_cut_one_is_not() {
        let whole = arrow_file();
        checked(&whole).unwrap();
        for end in (0..whole.len()).step_by(7) {
            assert_eq!(checked(&whole[..end]).unwrap_err().kind, ErrorKind::Corrupt, "{end}");
        }
    }

    #[test]
    fn a_length_before_compression_that_nothing_could_have_is_refused() {
        let whole = arrow_file();
        // An LZ4 frame starts with its magic number; the length stands before it.
        let frame = whole.windows(4).position(|bytes| bytes == [0x04, 0x22, 0x4d, 0x18]).unwrap();
        for length in [i64::MAX, -2, 1 << 40] {
            let mut bytes = whole.clone();
            bytes[frame - 8..frame].copy_from_slice(&length.to_le_bytes());
            assert_eq!(checked(&bytes).unwrap_err().kind, ErrorKind::Corrupt, "{length}");
        }
    }

    #[test]
    fn a_decoder_that_panics_has_failed() {
        let failed = contained("a file", || -> Result<()> { panic!("a length is wrong") });
        assert_eq!(failed.unwrap_err().kind, ErrorKind::Corrupt);
    }
}
