//! Draws a thread and its turns.

use std::{collections::BTreeMap, fmt};

use rollout_trace_schema::{CodexTurnId, ThreadId};

use crate::{AgentThread, CodexTurn, ItemId, Marker, ThreadOrigin};

use super::{canvas::Canvas, painter::BOLD, places::Step};

impl Canvas<'_, '_> {
    pub(super) fn only_thread(&mut self, id: &ThreadId) -> fmt::Result {
        match self.graph.threads.get(id) {
            Some(thread) => self.thread(thread),
            None => self.line(0, format!("no thread {}", self.preview(id))),
        }
    }

    pub(super) fn only_turn(&mut self, id: &CodexTurnId) -> fmt::Result {
        match self.graph.codex_turns.get(id) {
            Some(turn) => self.turn(0, turn),
            None => self.line(0, format!("no turn {}", self.preview(id))),
        }
    }

    pub(super) fn thread(&mut self, thread: &AgentThread) -> fmt::Result {
        let path = self.painter.paint(BOLD, &thread.agent_path);
        let name = self.name(&thread.thread_id);
        let head = path + format_args!(" · {name}") + self.time(&thread.execution) + " · ";
        let mut head = head + self.painter.status(&thread.execution.status);
        if let Some(model) = thread.default_model.as_ref().filter(|model| !model.is_empty()) {
            head += format_args!(" · {model}");
        }
        if let ThreadOrigin::Spawned { parent_thread_id, task_name, agent_role, .. } = &thread.origin {
            head += format_args!(" · spawned by {} for {task_name}", self.agent(parent_thread_id));
            if !agent_role.is_empty() {
                head += format_args!(" as {agent_role}");
            }
        }
        self.line(0, head)?;
        self.losses_of(1, &thread.thread_id)?;

        let mut turns = self.places.turns(&thread.thread_id).to_vec();
        turns.retain(|turn| self.selected.has_turn(&turn.codex_turn_id));
        turns.sort_by_key(|turn| turn.execution.started_seq);
        turns.into_iter().try_for_each(|turn| self.turn(1, turn))?;

        let steps = self.places.of_thread.get(&thread.thread_id).cloned().unwrap_or_default();
        if !steps.is_empty() {
            self.line(1, "in no known turn")?;
            steps.into_iter().try_for_each(|step| self.step(2, step))?;
        }
        let mut edges = self.places.edges_of_thread.get(&thread.thread_id).cloned().unwrap_or_default();
        edges.retain(|edge| self.selected.has_event(edge.started_seq));
        edges.into_iter().try_for_each(|edge| self.edge(1, edge))?;
        self.unused_items(thread)?;
        if self.selected.is_everything() { self.markers(1, &thread.markers) } else { Ok(()) }
    }

    fn turn(&mut self, depth: usize, turn: &CodexTurn) -> fmt::Result {
        let name = self.painter.paint(BOLD, self.turn_name(&turn.codex_turn_id));
        let mut head = name + self.time(&turn.execution) + " · " + self.painter.status(&turn.execution.status);
        if !turn.new_input_item_ids.is_empty() {
            head += format_args!(" · input {}", self.numbers(&turn.new_input_item_ids));
        }
        self.line(depth, head)?;
        self.losses_of(depth + 1, &turn.codex_turn_id)?;
        let steps = self.places.of_turn.get(&turn.codex_turn_id).cloned().unwrap_or_default();
        steps.into_iter().try_for_each(|step| self.step(depth + 1, step))
    }

    pub(super) fn step(&mut self, depth: usize, step: Step<'_>) -> fmt::Result {
        self.losses_before(depth, step)?;
        match step {
            Step::Inference(call) => self.inference_call(depth, call),
            Step::Compaction(compaction) => self.compaction(depth, compaction),
            Step::CompactionRequest(request) => self.compaction_request(depth, request),
            Step::Tool(tool) => self.tool_call(depth, tool),
            Step::Cell(cell) => self.code_cell(depth, cell),
        }
    }

    /// Draws the items that were accepted into the thread's history and never shown to a model.
    fn unused_items(&mut self, thread: &AgentThread) -> fmt::Result {
        let items = self.places.items(&thread.thread_id).iter().copied();
        let is_selected = |item: &ItemId| {
            let item = self.graph.conversation_items.get(item);
            item.is_some_and(|item| self.selected.has_event(item.first_seen_seq))
        };
        let unused = items.filter(|&item| !self.places.used_items.contains(item)).filter(is_selected);
        let unused: Vec<ItemId> = unused.collect();
        if unused.is_empty() {
            return Ok(());
        }
        self.line(1, "in history, but in no request or response")?;
        unused.into_iter().try_for_each(|item| self.line(2, self.item_line(item)))
    }

    pub(super) fn markers(&mut self, depth: usize, markers: &[Marker]) -> fmt::Result {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        markers.iter().for_each(|marker| *counts.entry(&marker.name).or_default() += 1);
        if counts.is_empty() {
            return Ok(());
        }
        let counted = counts.into_iter().map(|(name, count)| match count {
            1 => self.preview(name),
            _ => format!("{} ×{count}", self.preview(name)),
        });
        let counted: Vec<_> = counted.collect();
        self.line(depth, format!("marked: {}", counted.join(", ")))
    }
}
