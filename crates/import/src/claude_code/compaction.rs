//! Compactions.

use rollout_trace_schema::CompactionId;
use serde_json::Value;

use super::thread::Thread;
use crate::{draft::At, object::Object};

impl Thread {
    /// Reads the line that begins a new history. The summary follows.
    pub(super) fn read_boundary(&mut self, record: &Object<'_>) {
        let preserved =
            record.object("compactMetadata").and_then(|metadata| metadata.read::<Value>("preservedMessages"));
        let list = |name: &str| preserved.as_ref().and_then(|preserved| preserved.get(name)?.as_array().cloned());
        let uuids = list("allUuids").or_else(|| list("uuids")).unwrap_or_default();
        self.compaction = Some(uuids.iter().filter_map(|uuid| uuid.as_str().map(str::to_owned)).collect());
    }

    /// Replaces the history by the summary and what was preserved.
    pub(super) fn install_compaction(&mut self, at: &At, record: &Object<'_>, message: &Object<'_>) {
        let preserved = self.compaction.take().unwrap_or_default();
        let turn = self.ensure_turn(at);
        let at = At { turn: Some(turn), ..at.reconstructed() };
        let before = std::mem::take(&mut self.seen);
        let mut later = Vec::new();
        let mut kept = Vec::new();
        let boundary = self.chain.after_boundary(record.text("parentUuid").as_deref());
        for mut entry in self.chain.take() {
            if entry.is_message && preserved.contains(&entry.uuid) {
                entry.is_pinned = true;
                kept.push(entry);
            } else if boundary.contains(&entry.uuid) {
                later.push(entry);
            }
        }
        self.chain.cut_before(&boundary);
        let (mut entry, summary) = self.entry(&at, record, message);
        entry.is_pinned = true;
        self.chain.push(entry);
        let mut after = summary.clone();
        after.extend(kept.iter().flat_map(|entry| &entry.blocks).map(|block| block.item.clone()));
        kept.into_iter().chain(later).for_each(|entry| self.chain.push(entry));
        self.compactions += 1;
        let id = CompactionId::from(format!("import:{}:compaction:{}", self.writer.thread, self.compactions));
        self.writer.compacted(&at, &id, &before, &after);
        for item in &summary {
            self.writer.accepted(&at, item, false);
        }
        self.seen = after;
        self.unshown.clear();
        self.requests.forget();
    }
}
