//! Compacts the history.

use rollout_trace_recorder::{CompactionCheckpointTracePayload, CompactionTraceContext, Evidence};

use crate::{
    CompactionBy, EventMessage, Item, fault,
    lock::lock,
    model::{CompactRequest, Envelope, ModelError},
    turn::{Turn, TurnEnd},
};

/// The request for a summary.
const QUESTION: &str = "Summarize this conversation for somebody who takes over without having seen it: what was asked for, \
what was found and done, and what remains to be done. Answer with only the summary.";

/// The text before the summary in the new history.
const SUMMARY: &str = "The conversation so far, summarized:\n";

/// The number of the user's latest messages that stay in the history next to a summary.
const KEPT_MESSAGES: usize = 8;

impl Turn {
    /// Returns whether the last request and its answer were so large that the history must be compacted before the next
    /// request.
    pub(crate) fn is_compaction_due(&self) -> bool {
        let limit = self.thread.rollout.config.compaction.at_tokens;
        limit.is_some_and(|limit| lock(&self.thread.state).usage.context_tokens() >= limit)
    }

    /// Compacts the history.
    pub(crate) async fn compact(&self) -> Result<(), TurnEnd> {
        let thread = &self.thread;
        fault::point("compaction", &thread.path);
        let before = lock(&thread.state).history.items().to_vec();
        if before.is_empty() {
            // A model would invent a summary.
            return Err(TurnEnd::Failed("the history is empty and cannot be compacted".to_owned()));
        }
        let provider = thread.rollout.model.provider_name();
        let compaction = self.trace().compaction_trace_context(&*self.id, None, &*self.settings.model, provider);
        let after = match thread.rollout.config.compaction.by {
            CompactionBy::Provider => self.compacted_by_provider(&compaction, &before).await?,
            CompactionBy::Summary => self.compacted_by_summary(&before).await?,
        };
        let after: Vec<Item> = after.into_iter().map(Item::with_id).collect();
        compaction.record_installed(&CompactionCheckpointTracePayload::new(&before, &after));
        let message = EventMessage::Compacted { items_before: before.len(), items_after: after.len() };
        let mut state = lock(&thread.state);
        // Items that were added after the compaction's request follow its result.
        let added = state.history.items()[before.len()..].to_vec();
        state.history.replace(after.into_iter().chain(added).collect());
        state.usage.last = None;
        drop(state);
        self.emit(message);
        Ok(())
    }

    /// Requests a compacted history from the provider, with retries.
    async fn compacted_by_provider(
        &self,
        compaction: &CompactionTraceContext,
        before: &[Item],
    ) -> Result<Vec<Item>, TurnEnd> {
        let thread = &self.thread;
        let instructions = self.instructions();
        let request = CompactRequest { model: &self.settings.model, instructions: &instructions, input: before };
        let body =
            serde_json::to_vec(&request).expect("a request has only string keys, and writing to memory cannot fail");
        let envelope = Envelope { agent_path: &thread.path, trace_header: None };
        let limit = thread.rollout.config.stream_idle_limit;
        let mut failures = 0;
        loop {
            self.unless_stopped(thread.pause.over()).await?;
            let attempt = compaction.start_attempt(&request);
            let answer = thread.pause.timeout(limit, thread.rollout.model.compact(body.clone(), envelope));
            let answer = async { answer.await.unwrap_or_else(|| Err(ModelError::silent(limit))) };
            match self.unless_stopped(answer).await {
                Ok(Ok(items)) => {
                    attempt.record_completed(&Evidence(&items));
                    return Ok(items);
                }
                Ok(Err(error)) => {
                    attempt.record_failed(&error);
                    failures += 1;
                    self.wait_to_retry(failures, &error).await?;
                }
                Err(stopped) => {
                    attempt.record_failed("the turn was stopped");
                    return Err(stopped.into());
                }
            }
        }
    }

    /// Requests a summary from the model, and keeps the user's latest messages in front of it.
    async fn compacted_by_summary(&self, before: &[Item]) -> Result<Vec<Item>, TurnEnd> {
        let summary = self.ask(Item::user_text(QUESTION)).await?;
        if summary.trim().is_empty() {
            return Err(TurnEnd::Failed("the model's summary of the history is empty".to_owned()));
        }
        let is_old_summary = |item: &Item| item.message_text().starts_with(SUMMARY);
        let of_user = before.iter().filter(|item| item.is_message_of("user") && !is_old_summary(item));
        let mut kept: Vec<Item> = of_user.rev().take(KEPT_MESSAGES).cloned().collect();
        kept.reverse();
        kept.push(Item::user_text(&format!("{SUMMARY}{summary}")));
        Ok(kept)
    }
}
