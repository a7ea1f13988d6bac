//! Scripts strung together from hostile pieces.

use proptest::prelude::*;
use rollout_trace_code_mode::CellLimits;

use crate::hostile::{self, survives};

/// Pieces of scripts, one a line. Each is a statement by itself, or breaks the syntax; some leave names behind that others use.
/// The fuzz target `cell` takes the same.
const PIECES: &str = include_str!("pieces.txt");

fn pieces() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(PIECES.lines().collect::<Vec<_>>()), 1..9)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn the_host_survives_any_of_them(
        pieces in pieces(),
        wrapped in any::<bool>(),
        small in any::<bool>(),
    ) {
        let body = pieces.join("\n");
        // Wrapped, what one piece throws does not keep the others from running.
        let source = if wrapped {
            pieces.iter().map(|piece| format!("try {{ {piece} }} catch (error) {{ globalThis.o = error }}\n")).collect()
        } else {
            body
        };
        survives(&source, &source, if small { hostile::small() } else { CellLimits::default() });
    }
}
