//! What a drawing says besides the graph.

use std::cmp::Reverse;

use rollout_trace_model::{Commentary, Execution, InferenceCall, ItemId};
use rollout_trace_schema::{CodexTurnId, InferenceCallId, ThreadId, UnixMillis};

use crate::{
    Rollout,
    activities::Span,
    words::{duration, short},
};

/// The names that [`select`](Rollout::select) finds, and the sizes that [`Context`](crate::Context) adds up.
impl Commentary for Rollout<'_> {
    fn agent<'s>(&'s self, thread: &'s ThreadId) -> &'s str {
        self.agent(thread)
    }

    fn turn(&self, turn: &CodexTurnId) -> String {
        self.turn_name(turn)
    }

    fn inference_call(&self, call: &InferenceCallId) -> String {
        self.call_name(call)
    }

    fn time(&self, execution: &Execution) -> String {
        let start = match execution.start_unobserved {
            true => "start lost".to_owned(),
            false => self.moment(execution.started_at_unix_ms),
        };
        match execution.ended_at_unix_ms {
            Some(end) if execution.start_unobserved => format!("{start}, ended {}", self.moment(end)),
            Some(end) => {
                let span = Span::new(execution.started_at_unix_ms, end);
                format!("{start}, took {}", duration(span.ms()))
            }
            None => format!("{start}, not ended"),
        }
    }

    fn moment(&self, at: UnixMillis) -> String {
        let span = Span::new(self.graph().started_at_unix_ms, at);
        format!("at {}", duration(span.ms()))
    }

    fn context(&self, call: &InferenceCall) -> Option<String> {
        let sections = self.tokens_by_section(call)?;
        let mut largest_first: Vec<_> = sections.into_iter().filter(|(_, tokens)| *tokens > 0).collect();
        largest_first.sort_by_key(|(_, tokens)| Reverse(*tokens));
        let words = |(name, tokens): (crate::SectionName, u64)| format!("{} {}", name.words(), short(tokens));
        let sections: Vec<_> = largest_first.into_iter().map(words).collect();
        let all = short(self.context_tokens(call)?);
        let is_empty = sections.is_empty();
        Some(if is_empty { "context empty".to_owned() } else { format!("context ~{all}: {}", sections.join(", ")) })
    }

    fn size(&self, items: &[ItemId]) -> String {
        let tokens = items.iter().map(|item| self.sizes(*item).tokens_estimate).sum();
        format!("~{} tokens", short(tokens))
    }

    fn original(&self, copy: ItemId) -> Option<ItemId> {
        self.index().copied_from(copy)
    }
}
