//! Mapping of texts and values to bits. A change here invalidates every index file and requires a change of [`FORM`].

use xxhash_rust::xxh3::xxh3_64_with_seed;

use hookbench_query::canonical;

/// Version of the mapping.
pub(crate) const FORM: u64 = 2;

/// Number of bits per row.
pub(crate) const BITS: usize = 2_048;

/// Number of bits per value with its path: as selective as a word of six letters.
const VALUE_BITS: u64 = 6;

/// Returns the bit of three bytes.
pub(crate) fn trigram(bytes: &[u8]) -> u16 {
    let packed = u32::from(bytes[0]) | u32::from(bytes[1]) << 8 | u32::from(bytes[2]) << 16;
    // Fibonacci hashing: the highest bits of the product are mixed best.
    (packed.wrapping_mul(0x9e37_79b1) >> (32 - BITS.ilog2())) as u16
}

/// Returns the bits of a value at `path` (see [`super::prefilter`]) in a JSON body.
pub(crate) fn value(path: &str, value: &str) -> impl Iterator<Item = u16> {
    let hash = xxh3_64_with_seed(canonical(value).as_bytes(), xxh3_64_with_seed(path.as_bytes(), FORM));
    // Two halves of one hash give any number of hashes (Kirsch and Mitzenmacher, 2006).
    let (first, step) = (hash & 0xffff_ffff, hash >> 32 | 1);
    (0..VALUE_BITS).map(move |n| (first.wrapping_add(n.wrapping_mul(step)) % BITS as u64) as u16)
}

/// Extends a path by a key.
pub(crate) fn push_key(path: &mut String, key: &str) {
    path.push('\u{1}');
    path.push_str(key);
}

/// Extends a path by an array element, regardless of its index.
pub(crate) fn push_element(path: &mut String) {
    path.push('\u{2}');
}
