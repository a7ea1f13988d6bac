//! What was observed about interactions between agents.
//!
//! Source: reduction, section 12.1.

use rollout_trace_model::InteractionKind;
use rollout_trace_schema::{
    AgentResultObserved, EvidenceGrade, EvidenceSource, Seq, ThreadId, ToolCallId, ToolKind, UnixMillis,
};

use crate::{at::At, json::Json, map::HashMap};

/// What was observed about interactions between agents.
#[derive(Debug, Default)]
pub(crate) struct Agents {
    observations: Vec<Observation>,
    by_tool: HashMap<ToolCallId, usize>,
    /// The message that each tool call was asked to send.
    sent: HashMap<ToolCallId, String>,
    /// The observations that are new or have changed since they were last taken.
    fresh: Vec<usize>,
}

/// One observation.
#[derive(Debug)]
pub(super) enum Observation {
    Activity(Activity),
    Result(AgentResult),
}

/// What the runtime of an agent tool reported.
#[derive(Debug)]
pub(super) struct Activity {
    pub(super) tool: ToolCallId,
    /// When the runtime reported the end of the activity.
    pub(super) ended_at: Option<UnixMillis>,
    pub(super) seq: Seq,
    pub(super) sender: Option<ThreadId>,
    pub(super) target: Option<ThreadId>,
    prompt: Option<String>,
    /// What the runtime calls the activity, if it names it.
    pub(super) name: Option<String>,
    pub(super) evidence: Option<EvidenceGrade>,
    pub(super) source: Option<EvidenceSource>,
}

/// The result of a child agent that reached its parent.
#[derive(Debug)]
pub(super) struct AgentResult {
    pub(super) seq: Seq,
    pub(super) time: UnixMillis,
    pub(super) event: AgentResultObserved,
    pub(super) evidence: Option<EvidenceGrade>,
    pub(super) source: Option<EvidenceSource>,
}

/// Orders observations by their events. Of one event's observations, activities come first.
pub(super) type Rank = (Seq, bool, usize);

/// Returns whether tools of this kind reach other agents.
pub(crate) fn reaches_agents(kind: &ToolKind) -> bool {
    interaction(kind).is_some()
}

/// Returns the kind of the edge that tools of this kind make, or `None` if they make none.
///
/// Source: reduction, sections 12.1 and 12.6.
pub(super) fn interaction(kind: &ToolKind) -> Option<InteractionKind> {
    match kind {
        ToolKind::SpawnAgent => Some(InteractionKind::SpawnAgent),
        ToolKind::AssignAgentTask => Some(InteractionKind::AssignAgentTask),
        ToolKind::SendMessage => Some(InteractionKind::SendMessage),
        ToolKind::CloseAgent => Some(InteractionKind::CloseAgent),
        _ => None,
    }
}

impl Agents {
    /// Notes the message that a tool call was asked to send.
    pub(crate) fn note_sent(&mut self, tool: &ToolCallId, message: &str) {
        self.sent.insert(tool.clone(), message.to_owned());
        self.fresh.extend(self.by_tool.get(tool));
    }

    /// Notes what a tool's runtime reported.
    pub(crate) fn note_activity(&mut self, at: &At, tool: &ToolCallId, document: &Json<'_>) {
        self.change_activity(at, tool, |activity| activity.add(document));
    }

    /// Notes what a tool's runtime reported at its end.
    pub(crate) fn note_activity_end(&mut self, at: &At, tool: &ToolCallId, document: &Json<'_>) {
        self.change_activity(at, tool, |activity| {
            activity.add(document);
            activity.ended_at = Some(at.time);
            activity.seq = at.seq;
        });
    }

    fn change_activity(&mut self, at: &At, tool: &ToolCallId, change: impl FnOnce(&mut Activity)) {
        let place = *self.by_tool.entry(tool.clone()).or_insert(self.observations.len());
        if place == self.observations.len() {
            self.observations.push(Observation::Activity(Activity {
                tool: tool.clone(),
                ended_at: None,
                seq: at.seq,
                sender: None,
                target: None,
                prompt: None,
                name: None,
                evidence: at.evidence.clone(),
                source: at.source,
            }));
        }
        self.fresh.push(place);
        if let Observation::Activity(activity) = &mut self.observations[place] {
            change(activity);
        }
    }

    /// Notes a result that reached a parent.
    pub(crate) fn note_result(&mut self, at: &At, event: &AgentResultObserved) {
        self.fresh.push(self.observations.len());
        let (evidence, source) = (at.evidence.clone(), at.source);
        let result = AgentResult { seq: at.seq, time: at.time, event: event.clone(), evidence, source };
        self.observations.push(Observation::Result(result));
    }

    /// Returns the places of the observations that are new or have changed since this was last called.
    pub(super) fn take_fresh(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.fresh)
    }

    pub(super) fn get(&self, place: usize) -> &Observation {
        &self.observations[place]
    }

    pub(super) fn len(&self) -> usize {
        self.observations.len()
    }

    /// Returns the place of a tool call's activity, or `None` if its runtime reported none.
    pub(super) fn of_tool(&self, tool: &ToolCallId) -> Option<usize> {
        self.by_tool.get(tool).copied()
    }

    /// Returns the message that an activity sent: the one that the runtime reported, else the one of the invocation.
    pub(super) fn message<'a>(&'a self, activity: &'a Activity) -> Option<&'a String> {
        activity.prompt.as_ref().or_else(|| self.sent.get(&activity.tool))
    }

    pub(super) fn rank(&self, place: usize) -> Rank {
        match &self.observations[place] {
            Observation::Activity(activity) => (activity.seq, false, place),
            Observation::Result(result) => (result.seq, true, place),
        }
    }
}

impl Activity {
    /// Adds what one runtime event says. What the event does not mention stays as it is.
    fn add(&mut self, document: &Json<'_>) {
        let thread = |name: &str| document.text(name).filter(|id| !id.is_empty()).map(ThreadId::from);
        let target = thread("new_thread_id").or_else(|| thread("receiver_thread_id"));
        self.target = target.or_else(|| thread("agent_thread_id")).or(self.target.take());
        self.sender = thread("sender_thread_id").or(self.sender.take());
        self.prompt = document.text("prompt").map(str::to_owned).or(self.prompt.take());
        self.name = document.text("kind").map(str::to_owned).or(self.name.take());
    }

    /// Returns whether a tool of this kind performs the activity. An activity without a known name fits every kind.
    pub(super) fn fits(&self, kind: InteractionKind) -> bool {
        match self.name.as_deref() {
            Some("started") => kind == InteractionKind::SpawnAgent,
            Some("interacted") => matches!(kind, InteractionKind::AssignAgentTask | InteractionKind::SendMessage),
            Some("interrupted") => kind == InteractionKind::CloseAgent,
            _ => true,
        }
    }
}
