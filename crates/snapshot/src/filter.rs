//! A Bloom filter in blocks of one cache line, one filter for each entry page.
//!
//! Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters" (2007): a key sets
//! its bits in one block only, so that a question costs one cache miss. At ten bits per key and
//! six bits set, about one absent key in seventy is taken for present. A filter per page instead
//! of one for the file lets the writer stream: it never needs to know how many keys will come.

/// Bytes of a block.
pub(crate) const BLOCK_BYTES: usize = 64;
const BITS_PER_KEY: usize = 10;
/// Bits a key sets. Six times nine bits, an address in a block, fit one 64-bit number.
const PROBES: usize = 6;

/// Appends the filter over keys with these hashes and returns its number of blocks.
pub(crate) fn build(hashes: &[u64], out: &mut Vec<u8>) -> u32 {
    let blocks = (hashes.len() * BITS_PER_KEY).div_ceil(BLOCK_BYTES * 8).max(1);
    let start = out.len();
    out.resize(start + blocks * BLOCK_BYTES, 0);
    for &hash in hashes {
        let (block, bits) = place(hash, blocks);
        let block = &mut out[start + block * BLOCK_BYTES..][..BLOCK_BYTES];
        for bit in bits {
            block[bit / 8] |= 1 << (bit % 8);
        }
    }
    blocks as u32
}

/// Whether a key with this hash may be among those the filter was built over.
pub(crate) fn may_hold(filter: &[u8], hash: u64) -> bool {
    let blocks = filter.len() / BLOCK_BYTES;
    if blocks == 0 {
        return true;
    }
    let (block, mut bits) = place(hash, blocks);
    let block = &filter[block * BLOCK_BYTES..][..BLOCK_BYTES];
    bits.all(|bit| block[bit / 8] & (1 << (bit % 8)) != 0)
}

/// The block of a hash and the bits it sets there.
///
/// Keys of a page share the leading bits of their hashes, so the hash is mixed once more (with
/// the finalizer of MurmurHash3) before any of its bits choose anything.
fn place(hash: u64, blocks: usize) -> (usize, impl Iterator<Item = usize>) {
    let mut mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^= mixed >> 33;
    let block = ((mixed >> 32) * blocks as u64) >> 32;
    // The golden ratio's multiplier spreads all bits into the upper ones, of which 54 are used.
    let spread = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - 9 * PROBES);
    (block as usize, (0..PROBES).map(move |i| (spread >> (9 * i)) as usize & 511))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(i: u64) -> u64 {
        // All in one page: the leading 14 bits are equal.
        xxhash_rust::xxh3::xxh3_64(&i.to_le_bytes()) >> 14
    }

    #[test]
    fn every_key_is_found_and_few_others_are() {
        let hashes: Vec<u64> = (0..700).map(hash).collect();
        let mut filter = vec![0xaa; 3];
        let blocks = build(&hashes, &mut filter);
        assert_eq!(filter.len(), 3 + blocks as usize * BLOCK_BYTES);
        assert!(hashes.iter().all(|&h| may_hold(&filter[3..], h)));
        let wrong = (10_000..110_000).filter(|&i| may_hold(&filter[3..], hash(i))).count();
        assert!(wrong < 2_500, "{wrong} of 100,000 absent keys pass");
    }
}
