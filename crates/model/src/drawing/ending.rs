//! Draws a whole graph, and the lists at its end.

use std::fmt;

use crate::{AgentThread, Line, ObjectRef, RecordingStatus, RolloutTrace, Severity};

use super::{
    canvas::Canvas,
    painter::{BOLD, Painter},
};

impl Canvas<'_, '_> {
    pub(super) fn everything(&mut self) -> fmt::Result {
        let graph = self.graph;
        if self.commentary.is_none() {
            self.line(0, head(graph, self.painter))?;
        }
        let mut threads: Vec<&AgentThread> = graph.threads.values().collect();
        threads.retain(|thread| self.selected.has_thread(&thread.thread_id));
        threads.sort_by_key(|thread| thread.execution.started_seq);
        for thread in threads {
            self.blank_line()?;
            self.thread(thread)?;
        }
        self.objects_without_thread()?;
        self.undelivered_messages()?;
        self.cut_off()?;
        self.diagnostics()
    }

    /// Draws the objects that belong to no known thread.
    fn objects_without_thread(&mut self) -> fmt::Result {
        let graph = self.graph;
        let steps = std::mem::take(&mut self.places.of_nothing);
        let mut edges = std::mem::take(&mut self.places.edges_of_nothing);
        edges.retain(|edge| self.selected.has_event(edge.started_seq));
        if !steps.is_empty() || !edges.is_empty() {
            self.blank_line()?;
            self.line(0, "in no known thread")?;
            steps.into_iter().try_for_each(|step| self.step(1, step))?;
            edges.into_iter().try_for_each(|edge| self.whole_edge(1, edge))?;
        }
        if !graph.markers.is_empty() && self.selected.is_everything() {
            self.blank_line()?;
            self.markers(0, &graph.markers)?;
        }
        Ok(())
    }

    fn cut_off(&mut self) -> fmt::Result {
        if self.graph.cut_off.is_empty() || !self.selected.is_everything() {
            return Ok(());
        }
        let names = self.graph.cut_off.iter().map(|object| self.object(object));
        let names: Vec<_> = names.collect();
        self.blank_line()?;
        self.line(0, format!("running when the trace ended: {}", names.join(", ")))
    }

    fn object(&self, object: &ObjectRef) -> String {
        match object {
            ObjectRef::Thread(id) => self.agent(id),
            ObjectRef::CodexTurn(id) => self.turn_name(id).into_owned(),
            ObjectRef::InferenceCall(id) => self.call_name(id).into_owned(),
            ObjectRef::ToolCall(id) => self.name(id).into_owned(),
            ObjectRef::CodeCell(id) => self.name(&id.0).into_owned(),
            ObjectRef::TerminalOperation(id) => id.to_string(),
            ObjectRef::CompactionRequest(id) => self.name(id).into_owned(),
            ObjectRef::ConversationItem(id) => id.to_string(),
            ObjectRef::TerminalSession(id) => self.name(&id.0).into_owned(),
            ObjectRef::Compaction(id) => self.name(id).into_owned(),
            ObjectRef::InteractionEdge(id) => self.name(id).into_owned(),
            ObjectRef::RawPayload(id) => self.name(id).into_owned(),
            ObjectRef::Rollout => "the rollout".to_owned(),
        }
    }

    fn diagnostics(&mut self) -> fmt::Result {
        if self.graph.diagnostics.is_empty() {
            return Ok(());
        }
        self.blank_line()?;
        if self.commentary.is_some() {
            let diagnostics: Vec<_> = self.graph.diagnostics.iter().collect();
            return self.counted_diagnostics(0, &diagnostics);
        }
        for diagnostic in &self.graph.diagnostics {
            // The message is never cut, since it describes the problem.
            let message = self.name(&diagnostic.message);
            let line = self.painter.severity(diagnostic.severity) + format_args!(" {}: {message}", diagnostic.code);
            self.line(0, line)?;
        }
        Ok(())
    }
}

/// Returns the line that says how much is known about the rollout.
pub(super) fn head(graph: &RolloutTrace, painter: Painter) -> Line {
    let schema = match graph.read_as_schema {
        None => graph.schema_version.to_string(),
        Some(read_as) if read_as == graph.schema_version => format!("unknown, read as {read_as}"),
        Some(read_as) => format!("{}, read as {read_as}", graph.schema_version),
    };
    let ending_unknown = graph.reading_stopped && graph.ended_at_unix_ms.is_none();
    let status = if ending_unknown { "end unknown".into() } else { painter.status(&graph.status) };
    let errors = graph.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    let status_of_recording = graph.recording_status.or_else(|| match graph.recording_complete? {
        true => Some(RecordingStatus::Complete),
        false => Some(RecordingStatus::Unclosed),
    });
    let recording = match status_of_recording {
        Some(RecordingStatus::Complete) if errors == 0 => " · recording complete",
        // The end marker says that nothing is missing after the last event, but something else is damaged or missing.
        Some(RecordingStatus::Complete) => " · recording closed",
        Some(RecordingStatus::ClosedWithPartialPayloads) => " · recording closed, with partial payloads",
        _ if graph.reading_stopped => " · recording not read to its end",
        Some(RecordingStatus::Unclosed) => " · recording not complete",
        None => "",
    };
    let errors = match errors {
        0 => String::new(),
        1 => " · 1 error".to_owned(),
        _ => format!(" · {errors} errors"),
    };
    let source = match &graph.evidence {
        Some(evidence) => evidence.to_string(),
        None => format!("schema {schema}"),
    };
    painter.paint(BOLD, "rollout") + " · " + source + " · " + status + recording + errors
}
