//! Random combinations of hostile pieces of scripts.

use proptest::prelude::*;
use rollout_trace_code_mode::CellLimits;

use crate::hostile::{self, survives};

/// Pieces of scripts, one per line. Each is a statement by itself or a syntax error; some define names that others use.
/// The fuzz target `cell` uses the same pieces.
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
        // In a `try` block, a piece that throws does not keep the others from running.
        let source = if wrapped {
            pieces.iter().map(|piece| format!("try {{ {piece} }} catch (error) {{ globalThis.o = error }}\n")).collect()
        } else {
            body
        };
        survives(&source, &source, if small { hostile::small() } else { CellLimits::default() });
    }
}
