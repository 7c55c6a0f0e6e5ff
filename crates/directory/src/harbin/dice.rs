//! Draws from a seed: integers only, the same on every machine and with every version of the generator's crate.
//!
//! For: everything invented in the synthetic city.
//! May not know: what is drawn. Only raw output of ChaCha8 is used; ranges and weights are reckoned here, so that no
//! library's choice of algorithm reaches the bytes.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use sha2::{Digest, Sha256};

use crate::registrar::hex;

/// One independent run of draws.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// The draws of `room` number `number` under `seed`: no draw in one run moves another.
    pub(super) fn new(seed: u64, room: &str, number: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"anling-harbin-1\n");
        hash.update(room.as_bytes());
        hash.update(seed.to_be_bytes());
        let mut rng = ChaCha8Rng::from_seed(hash.finalize().into());
        rng.set_stream(number);
        Self(rng)
    }

    /// 0 up to `bound`, exclusive; 0 when `bound` is 0.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let wide = u64::from(self.0.next_u32()) * u64::from(bound);
        u32::try_from(wide >> 32).unwrap_or(0)
    }

    /// `from` up to `to`, both inclusive.
    pub(super) fn between(&mut self, from: i32, to: i32) -> i32 {
        let span = to.saturating_sub(from).unsigned_abs().saturating_add(1);
        from.saturating_add_unsigned(self.below(span))
    }

    /// True in `percent` of a hundred.
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, which are not empty.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let bound = u32::try_from(items.len()).unwrap_or(u32::MAX);
        &items[usize::try_from(self.below(bound)).unwrap_or(0)]
    }

    /// One of `items` by its weight; the weights add up to more than 0.
    pub(super) fn weighed<'a, T>(&mut self, items: &'a [(T, u32)]) -> &'a T {
        let mut left = self.below(items.iter().map(|(_, weight)| weight).sum());
        for (item, weight) in items {
            if left < *weight {
                return item;
            }
            left -= weight;
        }
        &items[0].0
    }

    /// `bytes` random bytes in hexadecimal.
    pub(super) fn hex(&mut self, bytes: usize) -> String {
        let drawn = (0..bytes).map(|_| u8::try_from(self.below(256)).unwrap_or(0));
        hex(&drawn.collect::<Vec<u8>>())
    }
}
