//! Records of a delta in memory: end to end in few large pieces, and an order over them.

use syncline_core::Result;

use crate::frame::{FIXED_BYTES_MAX, Frame, FrameValues, put_record};
use crate::record::RecordView;
use crate::spill::unreadable;

/// Pieces grow from the first size to the last: most runs learn little. A record that is larger has
/// a piece of its own.
const CHUNK_BYTES_MIN: usize = 4 * 1024;
const CHUNK_BYTES_MAX: usize = 1024 * 1024;

const ORDER_MIN: usize = 64;
const CHUNK_BITS: u32 = 32;

/// Frames in the order they were pushed. Their memory is kept when they are cleared.
#[derive(Default)]
pub(crate) struct Arena {
    chunks: Vec<Vec<u8>>,
    /// The piece being filled; those after it are empty.
    current: usize,
    chunk_bytes: u64,
    /// The hash of each record's key, and where its frame is. Sorted instead of the frames.
    order: Vec<(u64, u64)>,
}

impl Arena {
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Bytes of memory held.
    pub fn bytes(&self) -> u64 {
        self.chunk_bytes + (self.order.capacity() * size_of::<(u64, u64)>()) as u64
    }

    /// Bytes that would be held after pushing a record of so many bytes of variable length.
    pub fn bytes_with(&self, variable_bytes: usize) -> u64 {
        let needed = variable_bytes + FIXED_BYTES_MAX;
        let chunk = if self.chunk_with_room(needed).is_some() { 0 } else { self.next_chunk_bytes(needed) };
        let order = if self.order.len() < self.order.capacity() { 0 } else { self.next_order() };
        self.bytes() + (chunk + order * size_of::<(u64, u64)>()) as u64
    }

    /// Adds a record whose key hashes to `hash`.
    pub fn push(&mut self, hash: u64, record: &RecordView<'_>, values: FrameValues<'_>) {
        let values_bytes = if let FrameValues::Here(bytes) = values { bytes.len() } else { 0 };
        let needed = record.variable_bytes() + values_bytes + FIXED_BYTES_MAX;
        self.current = self.chunk_with_room(needed).unwrap_or_else(|| self.add_chunk(needed));
        let chunk = &mut self.chunks[self.current];
        let at = (self.current as u64) << CHUNK_BITS | chunk.len() as u64;
        put_record(record, values, chunk);
        if self.order.len() == self.order.capacity() {
            self.order.reserve_exact(self.next_order());
        }
        self.order.push((hash, at));
    }

    /// Hands the last record of each key to `take`, sorted by (hash, key), with the hash.
    pub fn for_each(&mut self, mut take: impl FnMut(u64, &Frame<'_>) -> Result<()>) -> Result<()> {
        let chunks = &self.chunks;
        let key = |at: u64| frame(chunks, at).and_then(|f| f.key()).unwrap_or_default();
        // Records of one key stay in the order they were pushed.
        self.order.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| key(a.1).cmp(key(b.1))).then_with(|| a.1.cmp(&b.1))
        });
        let mut repeated = false;
        for (i, &(hash, at)) in self.order.iter().enumerate() {
            let next = self.order.get(i + 1);
            let superseded = next.is_some_and(|&(next, n)| next == hash && key(n) == key(at));
            if !superseded {
                let frame = frame(chunks, at).map_err(unreadable)?;
                take(hash, &Frame { repeated, ..frame })?;
            }
            repeated = superseded;
        }
        Ok(())
    }

    /// Forgets all records. For the next, the usual pieces are kept, up to `kept_bytes_max` of them.
    pub fn clear(&mut self, kept_bytes_max: u64) {
        self.order.clear();
        if self.order.capacity() * size_of::<(u64, u64)>() > kept_bytes_max as usize / 2 {
            self.order = Vec::new();
        }
        self.chunks.retain(|chunk| chunk.capacity() == CHUNK_BYTES_MAX);
        self.count_chunks();
        while self.bytes() > kept_bytes_max && self.chunks.pop().is_some() {
            self.count_chunks();
        }
        self.chunks.iter_mut().for_each(Vec::clear);
        self.current = 0;
    }

    fn chunk_with_room(&self, needed: usize) -> Option<usize> {
        let has_room = |chunk: &Vec<u8>| chunk.capacity() - chunk.len() >= needed;
        (self.current..self.chunks.len()).take(2).find(|&i| has_room(&self.chunks[i]))
    }

    /// Adds a piece after the current one, as pieces stay in the order of what was pushed; empty ones
    /// that are too small go.
    fn add_chunk(&mut self, needed: usize) -> usize {
        self.chunks.truncate(self.current + 1);
        self.count_chunks();
        self.chunks.push(Vec::with_capacity(self.next_chunk_bytes(needed)));
        self.count_chunks();
        self.chunks.len() - 1
    }

    fn count_chunks(&mut self) {
        self.chunk_bytes = self.chunks.iter().map(|chunk| chunk.capacity() as u64).sum();
    }

    fn next_chunk_bytes(&self, needed: usize) -> usize {
        (self.chunk_bytes as usize / 4).clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX).max(needed)
    }

    fn next_order(&self) -> usize {
        (self.order.capacity() / 2).max(ORDER_MIN)
    }
}

fn frame(chunks: &[Vec<u8>], at: u64) -> crate::wire::Parsed<Frame<'_>> {
    let (chunk, offset) = ((at >> CHUNK_BITS) as usize, (at & ((1 << CHUNK_BITS) - 1)) as usize);
    Frame::parse(&chunks[chunk][offset..]).map(|(frame, _)| frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(arena: &mut Arena, bytes_max: u64) {
        for n in 0u64.. {
            let key = n.to_be_bytes();
            if arena.bytes_with(key.len()) > bytes_max {
                return;
            }
            arena.push(n, &RecordView::Erase(&key), FrameValues::None);
        }
    }

    #[test]
    fn memory_is_kept_for_the_next_records_but_no_more_than_allowed() {
        let mut arena = Arena::default();
        for kept_bytes_max in [16 << 20, 15 << 20, 3 << 20, 100, 0] {
            fill(&mut arena, 16 << 20);
            let before = arena.bytes();
            arena.clear(kept_bytes_max);
            assert!(arena.is_empty() && arena.bytes() <= kept_bytes_max);
            assert!(kept_bytes_max < 15 << 20 || arena.bytes() > before / 2);
        }
    }
}
