//! What the fuzzers in `fuzz/` call: each function takes any bytes, and a panic in it is a defect [G17].

use crate::layout::{self, FOOTER_BYTES, Footer, HEADER_BYTES, Index, Section, checksum};
use crate::{Probe, Segment, Snapshot, Values};

/// Memory for the probe; a segment that wants more is refused.
const BUDGET_BYTES: u64 = 8 << 20;

/// A segment of any bytes, as they are and with its checksums made right.
pub fn segment(bytes: &[u8]) {
    read(bytes.to_vec());
    if let Some(repaired) = repaired(bytes) {
        read(repaired);
    }
}

/// Asks everything that runs ask of a segment.
fn read(bytes: Vec<u8>) {
    let Ok(segment) = Segment::open("fuzzed", bytes) else { return };
    let snapshot = Snapshot::open(vec![segment.clone()]);
    let counts = snapshot.count_by_state().unwrap_or_default();
    let _ = Snapshot::counts_after(&snapshot, counts, &[segment]);
    let mut keys = Vec::new();
    for entry in snapshot.scan(Values::Read).map_while(Result::ok) {
        let _ = snapshot.get(&entry.key);
        keys.push((entry.key.hash(), entry.key));
    }
    keys.sort_unstable();
    let keys: Vec<(u64, &[u8])> = keys.iter().map(|(hash, key)| (*hash, key.as_bytes())).collect();
    let _ = snapshot.get_many(&keys, Values::Read);
    let middle = keys.get(keys.len() / 2).map_or(0, |(hash, _)| *hash);
    for range in [0..=u64::MAX, middle..=u64::MAX, 0..=middle] {
        let _ = snapshot.entries_in(&range);
        let Ok(mut probe) = Probe::build_range(&snapshot, range, BUDGET_BYTES) else { continue };
        for entry in snapshot.scan(Values::LeaveOut).map_while(Result::ok) {
            let _ = probe.lookup(&entry.key, entry.source_fp.unwrap_or(syncline_core::Hash128(0)));
        }
        let _ = probe.unseen().take_while(Result::is_ok).count();
    }
    let _ = snapshot.merge(std::io::sink());
}

/// The same file with every checksum that can be found made right: what lies behind a checksum is
/// written by a defect or on purpose, and must do no harm either.
fn repaired(bytes: &[u8]) -> Option<Vec<u8>> {
    let footer_at = bytes.len().checked_sub(FOOTER_BYTES)?;
    if footer_at < HEADER_BYTES {
        return None;
    }
    let mut out = bytes.to_vec();
    out[..HEADER_BYTES].copy_from_slice(&layout::header());
    let numbers: Vec<u64> = bytes[footer_at..]
        .chunks_exact(8)
        .map(|chunk| chunk.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
        .collect();
    let section = |i: usize| Section { offset: numbers[i], bytes: numbers[i + 1], checksum: 0 };
    let mut footer = Footer {
        entry_index: section(0),
        value_index: section(3),
        filters: section(6),
        entries: numbers[9],
        erased: numbers[10],
    };
    let of = |section: Section, out: &[u8]| {
        let start = usize::try_from(section.offset).ok()?;
        let end = start.checked_add(usize::try_from(section.bytes).ok()?)?;
        (end <= out.len()).then_some(start..end)
    };
    let entry_index = of(footer.entry_index, &out)?;
    let value_index = of(footer.value_index, &out)?;
    let filters = of(footer.filters, &out)?;
    if let Ok(index) = Index::decode(&out[entry_index.clone()], &out[value_index.clone()], &footer) {
        let (mut entries, mut values) = (Vec::new(), Vec::new());
        let sum = |page: &layout::PageAt, out: &[u8]| {
            let start = page.offset as usize;
            out.get(start..start + page.stored_bytes as usize).map_or(0, checksum)
        };
        for mut page in index.entry_pages {
            page.at.checksum = sum(&page.at, &out);
            layout::encode_entry_page(&page, &mut entries);
        }
        for mut page in index.value_pages {
            page.checksum = sum(&page, &out);
            layout::encode_value_page(&page, &mut values);
        }
        out[entry_index.clone()].copy_from_slice(&entries);
        out[value_index.clone()].copy_from_slice(&values);
    }
    footer.entry_index.checksum = checksum(&out[entry_index]);
    footer.value_index.checksum = checksum(&out[value_index]);
    footer.filters.checksum = checksum(&out[filters]);
    out[footer_at..].copy_from_slice(&footer.encode().0);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repaired_segment_is_read_past_its_checksums() {
        let golden = include_bytes!("../tests/golden/segment-v1.seg");
        assert_eq!(repaired(golden).as_deref(), Some(&golden[..]));
        let mut damaged = golden.to_vec();
        damaged[HEADER_BYTES + 4] ^= 1;
        let opened = |bytes: Vec<u8>| Segment::open("s", bytes).unwrap().read_entry_page(0).err();
        let page = |bytes: Vec<u8>| opened(bytes).map(|e| e.message);
        assert!(page(damaged.clone()).is_some_and(|message| message.contains("checksum")));
        assert!(page(repaired(&damaged).unwrap()).is_none_or(|message| !message.contains("checksum")));
    }
}
