//! The checksum of `packed-1`, which is only used to read packs of that version.

const KEYS: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];

/// Returns the `packed-1` checksum of `bytes`.
///
/// `mix(a, b)` is the exclusive or of both halves of the 128-bit product of `a` and `b`. The state starts as
/// `seed ^ KEYS[0]`. For each 16 bytes, read as two little-endian words `a` and `b`, it becomes
/// `mix(state ^ a, KEYS[1] ^ b) ^ state.rotate_left(23)`. The last block is padded with zeros; a length that is a
/// multiple of 16 has no padded block. The result is `mix(state ^ length, KEYS[2])`.
pub(super) fn checksum_v1(bytes: &[u8], seed: u64) -> u64 {
    let mut state = seed ^ KEYS[0];
    let mut blocks = bytes.chunks_exact(16);
    for block in &mut blocks {
        state = step(state, block);
    }
    let rest = blocks.remainder();
    if !rest.is_empty() {
        let mut block = [0; 16];
        block[..rest.len()].copy_from_slice(rest);
        state = step(state, &block);
    }
    mix(state ^ bytes.len() as u64, KEYS[2])
}

fn step(state: u64, block: &[u8]) -> u64 {
    let (a, b) = block.split_at(8);
    let word = |half: &[u8]| u64::from_le_bytes(half.try_into().expect("half of a block of 16 bytes"));
    mix(state ^ word(a), KEYS[1] ^ word(b)) ^ state.rotate_left(23)
}

fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_documented_one() {
        assert_eq!(checksum_v1(b"", 0), mix(KEYS[0], KEYS[2]));
        let mut padded = *b"flight recorder\0";
        let one = mix(
            mix(KEYS[0] ^ u64::from_le_bytes(*b"flight r"), KEYS[1] ^ u64::from_le_bytes(*b"ecorder\0"))
                ^ KEYS[0].rotate_left(23)
                ^ 15,
            KEYS[2],
        );
        assert_eq!(checksum_v1(b"flight recorder", 0), one);
        padded[15] = 0;
        assert_ne!(checksum_v1(&padded, 0), one, "the length counts");
    }
}
