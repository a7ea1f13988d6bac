//! Where equal evidence means different things in different schema versions.
//!
//! Source: reduction, and bundle 3, section 4.

use rollout_trace_model::ThreadOrigin;
use rollout_trace_schema::{Observed, SchemaVersion};

use crate::item::Sighting;

/// The rules that a bundle's schema version selects. Each difference between versions has one method, and every place
/// where it matters asks that method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    version: SchemaVersion,
    /// Whether no event reports how tools run.
    tools_are_unobserved: bool,
    /// Whether no event reports how agents spawn others.
    agents_are_unobserved: bool,
}

/// How a graph says whether the recording is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// Not at all.
    Unstated,
    /// As a flag.
    Flag,
    /// As a status, which also says whether references declare documents missing.
    Status,
}

/// Which accepted documents become items, which are pending until a payload shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deliveries {
    /// Messages from other agents.
    AgentMessages,
    /// Messages from other agents and outputs of tools.
    AgentMessagesAndOutputs,
}

impl Deliveries {
    /// Returns whether a sighting is a delivery.
    pub(crate) fn include(self, sighting: &Sighting) -> bool {
        sighting.agent_message.is_some() || (self == Self::AgentMessagesAndOutputs && sighting.is_output())
    }
}

impl Rules {
    pub(crate) fn of(version: SchemaVersion, observed: Option<&Observed>) -> Self {
        let is_missing = |part: Option<bool>| part == Some(false);
        Self {
            version,
            tools_are_unobserved: observed.is_some_and(|observed| is_missing(observed.tools)),
            agents_are_unobserved: observed.is_some_and(|observed| is_missing(observed.agents)),
        }
    }

    /// Whether tool calls are made from the conversation, because no event reports how tools run.
    ///
    /// Source: wires, section 6.
    pub(crate) fn tools_are_unobserved(self) -> bool {
        self.tools_are_unobserved
    }

    /// Whether it follows from texts which agents spawned others, because no event reports it.
    ///
    /// Source: wires, section 7.
    pub(crate) fn agents_are_unobserved(self) -> bool {
        self.agents_are_unobserved
    }

    /// Whether a thread lists each of its items. Otherwise those that only a response showed have to be accepted first.
    ///
    /// Source: reduction, section 5.11; wires, section 6.
    pub(crate) fn all_items_are_listed(self) -> bool {
        !self.items_have_ids() || self.tools_are_unobserved
    }

    fn since(self, version: SchemaVersion) -> bool {
        self.version >= version
    }

    /// Source: reduction, section 13.1; bundle 3, section 4.1.
    pub(crate) fn completeness(self) -> Completeness {
        match self.version {
            SchemaVersion::V1 => Completeness::Unstated,
            SchemaVersion::V2 => Completeness::Flag,
            SchemaVersion::V3 => Completeness::Status,
        }
    }

    /// Whether items have ids of their own, which constrain identity and are accepted into histories.
    ///
    /// Source: reduction, sections 5.4 and 6.
    pub(crate) fn items_have_ids(self) -> bool {
        self.since(SchemaVersion::V2)
    }

    /// Whether the event's input mode, and not the request itself, decides how a request relates to the conversation.
    ///
    /// Source: bundle 2, section 2.8.
    pub(crate) fn input_mode_counts(self) -> bool {
        !self.since(SchemaVersion::V2)
    }

    /// Whether parts that are not text have a hash, and whether empty content is an empty body.
    ///
    /// Source: reduction, sections 4.1 and 4.10.
    pub(crate) fn content_is_hashed(self) -> bool {
        self.since(SchemaVersion::V2)
    }

    /// Whether each payload of a request must be of the kind that its field requires.
    ///
    /// Source: bundle 3, section 4.5.
    pub(crate) fn request_kinds_count(self) -> bool {
        self.since(SchemaVersion::V3)
    }

    /// Whether all references to one payload must be equal. Otherwise the last one counts.
    ///
    /// Source: bundle 3, sections 1.3 and 6.
    pub(crate) fn references_are_unique(self) -> bool {
        self.since(SchemaVersion::V3)
    }

    /// Whether documents may hold placeholders for missing parts.
    ///
    /// Source: bundle 3, section 1.5.
    pub(crate) fn documents_may_be_partial(self) -> bool {
        self.since(SchemaVersion::V3)
    }

    /// Whether items of type `configuration_update` are no part of a conversation.
    ///
    /// Source: bundle 3, section 2.6. A capture has the requests of any version, also of those that write schema 3.
    pub(crate) fn configuration_updates_are_skipped(self) -> bool {
        self.since(SchemaVersion::V3) || self.tools_are_unobserved
    }

    /// Whether a response extends the live snapshot only if nothing has overtaken it.
    ///
    /// Source: reduction, section 5.10.
    pub(crate) fn late_responses_are_overtaken(self) -> bool {
        self.since(SchemaVersion::V2)
    }

    /// Whether one call may have outputs with different content.
    ///
    /// Source: reduction, section 5.12.
    pub(crate) fn outputs_may_repeat(self) -> bool {
        self.since(SchemaVersion::V2)
    }

    /// Whether the public tool `exec` is a tool call that names the code cell which it started.
    ///
    /// Source: reduction, section 11.1.
    pub(crate) fn exec_is_tool_call(self) -> bool {
        self.since(SchemaVersion::V2)
    }

    /// Whether each command opens a terminal session of its own, named after its operation.
    ///
    /// Source: reduction, section 10.5.
    pub(crate) fn commands_open_sessions(self) -> bool {
        self.since(SchemaVersion::V2)
    }

    /// Whether the standard output of a command that ended is its aggregated output.
    ///
    /// Source: bundle 2, section 3.5.
    pub(crate) fn output_is_aggregated(self) -> bool {
        self.since(SchemaVersion::V2)
    }

    /// Whether the start of a tool's runtime says what kind of tool it is.
    ///
    /// Source: bundle 2, section 2.6.
    pub(crate) fn runtime_start_has_kind(self) -> bool {
        self.since(SchemaVersion::V2)
    }

    /// The origin of a thread other than the root thread, if its metadata is lost.
    ///
    /// Source: bundle 3, section 4.2.
    pub(crate) fn origin_without_metadata(self) -> ThreadOrigin {
        if self.since(SchemaVersion::V3) { ThreadOrigin::Unknown } else { ThreadOrigin::Root }
    }

    /// Whether a compaction whose checkpoint is lost leaves the model with an empty history. Otherwise the history is
    /// assumed to be unchanged.
    ///
    /// Source: bundle 3, section 4.2.
    pub(crate) fn lost_checkpoints_are_empty(self) -> bool {
        self.since(SchemaVersion::V3)
    }

    /// Whether the items before the damage count if a request breaks off.
    ///
    /// Source: reduction, section 14.6; bundle 3, section 6.
    pub(crate) fn broken_requests_count(self) -> bool {
        !self.since(SchemaVersion::V3)
    }

    /// Source: reduction, section 6.4; bundle 3, section 4.3.
    pub(crate) fn deliveries(self) -> Deliveries {
        if self.since(SchemaVersion::V3) { Deliveries::AgentMessagesAndOutputs } else { Deliveries::AgentMessages }
    }

    /// Whether a thread's list moves new items before an accepted output that follows them in a payload. Otherwise the
    /// list is in the order of item numbers.
    ///
    /// Source: bundle 3, section 4.4.
    pub(crate) fn list_follows_sightings(self) -> bool {
        self.since(SchemaVersion::V3)
    }

    /// Whether a response replaces the live snapshot with the items of its call. Otherwise it extends the snapshot.
    ///
    /// Source: bundle 3, section 4.5.
    pub(crate) fn responses_replace_snapshots(self) -> bool {
        self.since(SchemaVersion::V3)
    }

    /// Whether an event names the cell that a tool waits for. Otherwise the tool's arguments do.
    ///
    /// Source: bundle 3, section 4.7.
    pub(crate) fn waits_are_resolved_by_events(self) -> bool {
        self.since(SchemaVersion::V3)
    }
}
