//! The turns of a thread that ended most recently.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use rollout_trace_schema::CodexTurnId;

/// How many turns are remembered. A core that ends a turn twice does so on two code paths, one shortly after the other.
const REMEMBERED: usize = 4;

/// Remembers the turns that ended most recently, to notice if one of them ends again.
#[derive(Debug, Default)]
pub(crate) struct EndedTurns(Mutex<VecDeque<CodexTurnId>>);

impl EndedTurns {
    /// Records that a turn ended. Returns whether it had ended before.
    pub(crate) fn has_ended_before(&self, codex_turn_id: &CodexTurnId) -> bool {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.contains(codex_turn_id) {
            return true;
        }
        if turns.len() == REMEMBERED {
            turns.pop_front();
        }
        turns.push_back(codex_turn_id.clone());
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_ended_recently_is_known() {
        let turns = EndedTurns::default();
        let ends = |turn: usize| turns.has_ended_before(&CodexTurnId::from(format!("turn-{turn}")));
        assert!((0..20).all(|turn| !ends(turn)));
        assert!((20 - REMEMBERED..20).all(ends));
        assert!(!ends(0), "the oldest turn is forgotten");
    }
}
