//! Random choices that a seed repeats.

/// A small generator (SplitMix64, <https://prng.di.unimi.it/splitmix64.c>).
#[derive(Clone, Debug)]
pub struct Choices {
    state: u64,
}

impl Choices {
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A seed of its own for each text, so that cases do not shift when one is added.
    pub fn of(text: &str, seed: u64) -> Self {
        // FNV-1a: the same in every run and on every machine.
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self::new(hash ^ seed)
    }

    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    pub fn is_heads(&mut self) -> bool {
        self.number() & 1 == 1
    }
}

/// The seed of this test run: `SYNCLINE_SEED`, else always the same, so that a failure comes again.
pub fn seed() -> u64 {
    match std::env::var("SYNCLINE_SEED") {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("SYNCLINE_SEED is not a number: {text}")),
        Err(_) => 20_261_122,
    }
}
