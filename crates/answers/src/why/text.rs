//! The text form. A tool call and the item that holds the call are one line.

use rollout_trace_model::{ItemId, Line, RolloutTrace, map::HashMap};

use super::{Absent, Cause, Hop, Why};
use crate::{Certainty, Node, item_words::item_words, payload_name::payload_words, rollout::Rollout, tool_name};

/// The things that a path names, in a few words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    names: HashMap<Node, String>,
    /// The lines of an imported session that say so.
    places: HashMap<Node, String>,
}

impl Words {
    pub(super) fn of(rollout: &Rollout<'_>, why: &Why) -> Self {
        let mut nodes = vec![why.subject.clone()];
        nodes.extend(why.path.iter().map(|hop| hop.to.clone()));
        let seen = why.path.iter().flat_map(|hop| &hop.just_seen).chain(&why.just_seen).flatten();
        nodes.extend(seen.map(|item| Node::Item(*item)));
        nodes.extend(why.at.iter().cloned().map(Node::Inference));
        if let Some(carried) = &why.carried_by {
            nodes.extend(carried.first.iter().chain(&carried.last).cloned().map(Node::Inference));
        }
        let places = nodes.iter().filter_map(|node| Some((node.clone(), place(rollout.graph(), node)?))).collect();
        let names = nodes.into_iter().map(|node| (node.clone(), words(rollout, &node))).collect();
        Self { names, places }
    }

    fn get(&self, node: &Node) -> &str {
        self.names.get(node).map_or("", String::as_str)
    }
}

fn words(rollout: &Rollout<'_>, node: &Node) -> String {
    let graph = rollout.graph();
    let name = match node {
        Node::Item(item) => Some(item_words(rollout, *item)),
        Node::Inference(id) => graph
            .inference_calls
            .get(id)
            .map(|call| format!("{} of {}", rollout.call_name(id), rollout.agent(&call.thread_id))),
        Node::Turn(id) => graph
            .codex_turns
            .get(id)
            .map(|turn| format!("{} of {}", rollout.turn_name(id), rollout.agent(&turn.thread_id))),
        Node::Thread(id) => Some(rollout.agent(id).to_owned()),
        Node::Edge(id) => edge_words(graph, id.as_str()),
        Node::ToolCall(id) => graph.tool_calls.get(id).map(|call| format!("{} {id}", tool_name(&call.kind))),
        Node::TerminalOperation(id) => graph.terminal_operations.get(id).map(|_| id.to_string()),
        Node::CodeCell(_) | Node::TerminalSession(_) | Node::Compaction(_) | Node::Root(_) => None,
    };
    name.unwrap_or_else(|| node.to_string())
}

/// Returns the file and the line of an imported session that say that there was such a thing.
fn place(graph: &RolloutTrace, node: &Node) -> Option<String> {
    let source = match node {
        Node::Inference(id) => graph.inference_calls.get(id)?.evidence_source,
        Node::Turn(id) => graph.codex_turns.get(id)?.evidence_source,
        Node::Edge(id) => graph.interaction_edges.get(id)?.evidence_source,
        Node::ToolCall(id) => graph.tool_calls.get(id)?.evidence_source,
        Node::Compaction(id) => graph.compactions.get(id)?.evidence_source,
        _ => None,
    }?;
    let file = graph.evidence.as_ref()?.sources.get(usize::try_from(source.file).ok()?)?;
    let name = file.path.rsplit(['/', '\\']).next().unwrap_or_default();
    Some(format!("{name}:{}", source.line))
}

fn edge_words(graph: &RolloutTrace, id: &str) -> Option<String> {
    Some(graph.interaction_edges.get(id)?.kind.as_str().to_owned())
}

impl Why {
    /// Returns the answer as text.
    pub fn lines(&self) -> Vec<Line> {
        let mut head = format!("why {}", self.words.get(&self.subject));
        if let Some(at) = &self.at {
            head += &format!(" @ {}", self.words.get(&Node::Inference(at.clone())));
        }
        let mut lines: Vec<Line> = vec![head.into()];
        if let Some(absent) = &self.absent {
            lines.push(format!("  not in it: {}", absent.words()).into());
        }
        lines.extend(self.carried_line());
        lines.extend(self.just_seen.as_deref().and_then(|items| self.just_seen_line(items)));
        let mut path = self.path.iter().peekable();
        while let Some(hop) = path.next() {
            lines.push(self.hop_line(hop, path.next_if(|next| next.relation == Cause::CalledIn)));
            lines.extend(hop.just_seen.as_deref().and_then(|items| self.just_seen_line(items)));
        }
        lines
    }

    fn carried_line(&self) -> Option<Line> {
        let carried = self.carried_by.as_ref()?;
        let name = |id: &rollout_trace_schema::InferenceCallId| self.words.get(&Node::Inference(id.clone()));
        let (first, last) = (name(carried.first.as_ref()?), name(carried.last.as_ref()?));
        Some(match carried.calls {
            1 => format!("  in 1 request: {first}").into(),
            calls => format!("  in {calls} requests: {first} to {last}").into(),
        })
    }

    fn just_seen_line(&self, items: &[ItemId]) -> Option<Line> {
        let first = self.words.get(&Node::Item(*items.first()?));
        let more = match items.len() {
            1 => String::new(),
            len => format!(" and {} more", len - 1),
        };
        Some(format!("                  having just seen {first}{more}").into())
    }

    fn hop_line(&self, hop: &Hop, call: Option<&Hop>) -> Line {
        let to = self.words.get(&call.unwrap_or(hop).to);
        let what = match hop.relation {
            Cause::Origin => match &hop.name {
                Some(name) => format!("{} ({name})", hop.to),
                None => hop.to.to_string(),
            },
            Cause::CarriedFrom => format!("since {to}"),
            _ => to.to_owned(),
        };
        let mut line = format!("  {:<13} {what}", hop.relation.words());
        if let Some(seq) = hop.seq {
            line += &format!("  · seq {seq}");
            if let Some(payload) = &hop.payload_id {
                line += &format!(" {}", payload_words(payload));
            }
        }
        if let Some(place) = self.words.places.get(&hop.to) {
            line += &format!(" {place}");
        }
        if hop.certainty != Certainty::Recorded {
            line += &format!("  {}", hop.certainty.mark());
            if let Some(note) = &hop.note {
                line += &format!(": {note}");
            }
        }
        line.into()
    }
}

impl Absent {
    fn words(&self) -> String {
        match self {
            Self::RequestNotReadable { .. } => "the request cannot be read".to_owned(),
            Self::OtherThread { thread_id } => format!("it belongs to thread {thread_id}"),
            Self::Later { first_seen_seq } => format!("it was first seen later, at seq {first_seen_seq}"),
            Self::Compacted { compaction_id, copied_as, .. } => match copied_as.as_slice() {
                [] => format!("compaction {compaction_id} removed it"),
                [copy, ..] => format!("compaction {compaction_id} replaced it by its copy [{}]", copy.0),
            },
            Self::Rewritten { now } => format!("[{}] has taken its place", now.0),
            Self::Marker => "it only marks a compaction".to_owned(),
            Self::NeverInARequest => "no request contains it".to_owned(),
            Self::NotYetDelivered { .. } => "only later requests contain it".to_owned(),
            Self::DroppedUnrecorded { .. } => "it was dropped, and nothing recorded says why".to_owned(),
        }
    }
}

impl Cause {
    fn words(self) -> &'static str {
        match self {
            Self::CarriedFrom => "carried",
            Self::DeliveredBy => "delivered by",
            Self::OutputOf => "output of",
            Self::Answers => "answers",
            Self::OperationOf => "operation of",
            Self::CalledIn => "called in",
            Self::RunBy => "run by",
            Self::Source => "source",
            Self::AnsweredIn => "answered in",
            Self::CopiedFrom => "copied from",
            Self::WrittenBy => "written by",
            Self::ReportedBy => "reported by",
            Self::SentBy => "sent by",
            Self::AskedIn => "asked in",
            Self::BeganWith => "began with",
            Self::BegunBy => "begun by",
            Self::SpawnedBy => "spawned by",
            Self::Origin => "origin",
        }
    }
}
