//! Which bits stand for what. A change here makes every file worthless: change [`FORM`] with it.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use hookline_query::canonical;

/// Number of this way to set bits.
pub(crate) const FORM: u64 = 2;

/// Bits of one row.
pub(crate) const BITS: usize = 2_048;

/// Bits that stand for a value with its path: as selective as a word of six letters.
const VALUE_BITS: u64 = 6;

/// The bit of three bytes.
pub(crate) fn trigram(bytes: &[u8]) -> u16 {
    let packed = u32::from(bytes[0]) | u32::from(bytes[1]) << 8 | u32::from(bytes[2]) << 16;
    // Fibonacci hashing: the highest bits of the product are mixed best.
    (packed.wrapping_mul(0x9e37_79b1) >> (32 - BITS.ilog2())) as u16
}

/// The bits of a value that stands at `path` (see [`super::prefilter`]) in a JSON body.
pub(crate) fn value(path: &str, value: &str) -> impl Iterator<Item = u16> {
    let hash = xxh3_64_with_seed(canonical(value).as_bytes(), xxh3_64_with_seed(path.as_bytes(), FORM));
    // Two halves of one hash make as many as are wanted (Kirsch and Mitzenmacher, 2006).
    let (first, step) = (hash & 0xffff_ffff, hash >> 32 | 1);
    (0..VALUE_BITS).map(move |n| (first.wrapping_add(n.wrapping_mul(step)) % BITS as u64) as u16)
}

/// How a path continues through a key.
pub(crate) fn push_key(path: &mut String, key: &str) {
    path.push('\u{1}');
    path.push_str(key);
}

/// How a path continues into an array, whichever element it is.
pub(crate) fn push_element(path: &mut String) {
    path.push('\u{2}');
}
