//! The checksum of the packed layout.

const KEYS: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];

/// Computes the layout's checksum of `bytes`.
///
/// `mix(a, b)` is the exclusive or of both halves of the 128-bit product of `a` and `b`. The state begins as `seed ^ KEYS[0]`.
/// For each 16 bytes, two little-endian words `a` and `b`, it becomes `mix(state ^ a, KEYS[1] ^ b) ^ state.rotate_left(23)`; the last block is
/// filled up with zeros, and there is none where the length is a multiple of 16. The result is `mix(state ^ length, KEYS[2])`.
///
/// It finds damage and resists nobody: the salt alone keeps text that looks like a record from being taken for one.
pub fn checksum(bytes: &[u8], seed: u64) -> u64 {
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
    fn the_checksum_is_what_the_layout_says() {
        assert_eq!(checksum(b"", 0), mix(KEYS[0], KEYS[2]));
        let mut padded = *b"flight recorder\0";
        let one = mix(
            mix(KEYS[0] ^ u64::from_le_bytes(*b"flight r"), KEYS[1] ^ u64::from_le_bytes(*b"ecorder\0"))
                ^ KEYS[0].rotate_left(23)
                ^ 15,
            KEYS[2],
        );
        assert_eq!(checksum(b"flight recorder", 0), one);
        padded[15] = 0;
        assert_ne!(checksum(&padded, 0), one, "the length counts");
    }

    #[test]
    fn every_flipped_bit_shows() {
        let text: Vec<u8> = (0..100_u8).collect();
        let sound = checksum(&text, 7);
        for bit in 0..text.len() * 8 {
            let mut damaged = text.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(checksum(&damaged, 7) as u32, sound as u32, "bit {bit}");
        }
    }
}
