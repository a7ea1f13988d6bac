//! What two documents have in common at their ends.

/// Whole blocks are compared first, by `memcmp`, which is faster than a loop over bytes.
const BLOCK: usize = 4096;

/// Returns the number of equal bytes at the start of both.
pub fn common_prefix(left: &[u8], right: &[u8]) -> usize {
    let blocks = left.chunks_exact(BLOCK).zip(right.chunks_exact(BLOCK)).take_while(|(l, r)| l == r).count();
    let start = blocks * BLOCK;
    start + left[start..].iter().zip(&right[start..]).take_while(|(l, r)| l == r).count()
}

/// Returns the number of equal bytes at the end of both.
pub fn common_suffix(left: &[u8], right: &[u8]) -> usize {
    let blocks = left.rchunks_exact(BLOCK).zip(right.rchunks_exact(BLOCK)).take_while(|(l, r)| l == r).count();
    let skip = blocks * BLOCK;
    let (left, right) = (&left[..left.len() - skip], &right[..right.len() - skip]);
    skip + left.iter().rev().zip(right.iter().rev()).take_while(|(l, r)| l == r).count()
}
