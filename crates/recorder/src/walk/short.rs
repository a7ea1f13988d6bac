//! Comparing texts that are mostly short.

/// Returns whether both are equal. Keys and ids are compared word by word, because calling `memcmp` would cost more
/// than that.
#[inline]
pub(super) fn equal(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    match left.len() {
        0 => true,
        1..4 => left.iter().zip(right).all(|(left, right)| left == right),
        4..8 => ends::<4>(left) == ends::<4>(right),
        8..=16 => ends::<8>(left) == ends::<8>(right),
        _ => left == right,
    }
}

/// Returns the first and the last `N` bytes, which together cover a text of `N` to `2 * N` bytes.
#[inline]
fn ends<const N: usize>(text: &[u8]) -> (Option<&[u8; N]>, Option<&[u8; N]>) {
    (text.first_chunk(), text.last_chunk())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_found() {
        for len in 0..40 {
            let text: Vec<u8> = (0..len).collect();
            assert!(equal(&text, &text.clone()));
            assert!(!equal(&text, &[&text[..], b"x"].concat()));
            for at in 0..text.len() {
                let mut changed = text.clone();
                changed[at] ^= 0x40;
                assert!(!equal(&text, &changed), "{at} of {len}");
            }
        }
    }
}
