//! What an agent did, without what differs by chance.

use std::collections::BTreeMap;

use regex::Regex;
use rollout_trace_agent::Played;
use rollout_trace_agent_core::EventMessage;

/// What an agent did, as far as the outside sees it: its events and its requests, agent by agent, apart from ids and times.
#[derive(Debug)]
pub(crate) struct Behaviour {
    /// In order.
    events: BTreeMap<String, Vec<String>>,
    /// Those of tools, whose order is chance where several are at work. Sorted.
    tool_events: BTreeMap<String, Vec<String>>,
    /// In order: endpoint, headers, body.
    requests: BTreeMap<String, Vec<String>>,
}

/// What is an id, a time, or a place.
const CHANCE: &[(&str, &str)] = &[
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID"),
    (r"Chunk ID: [0-9a-f]+", "CHUNK"),
    (r"Wall time:? [0-9.]+ seconds", "TIME"),
    (r#""(started_at_unix_ms|duration_ms|time_to_first_token_ms)":[0-9]+"#, "TIME"),
    (r#""(chunk_id)\\*":\\*"[0-9a-f]+"#, "CHUNK"),
    (r#"(wall_time_seconds)\\*":[0-9.e-]+"#, "TIME"),
    // Of commands that begin side by side.
    (r#""type":"command_began","call_id":("[^"]*"),"session_id":[0-9]+"#, r#"command_began $1"#),
    (r#"(/[^/" ]+)+/\.tmp[A-Za-z0-9]+"#, "FOLDER"),
    (r"127\.0\.0\.1:[0-9]+", "HOST"),
];

/// The headers that say nothing of what is asked: its length, and the one that only a traced agent sends.
const OTHER_HEADERS: [&str; 2] = ["content-length", "x-codex-inference-call-id"];

impl Behaviour {
    pub(crate) fn of(played: &Played) -> Self {
        let chance: Vec<_> = CHANCE.iter().map(|(pattern, name)| (Regex::new(pattern).unwrap(), *name)).collect();
        let plain =
            |text: String| chance.iter().fold(text, |text, (regex, name)| regex.replace_all(&text, *name).into_owned());
        let (mut events, mut tool_events, mut requests) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for event in &played.events {
            let is_of_tool = matches!(
                event.message,
                EventMessage::ToolCallBegan { .. }
                    | EventMessage::ToolCallEnded { .. }
                    | EventMessage::CommandBegan { .. }
            );
            let list: &mut BTreeMap<String, Vec<String>> = if is_of_tool { &mut tool_events } else { &mut events };
            let text = plain(serde_json::to_string(event).unwrap());
            list.entry(event.agent_path.clone()).or_default().push(text);
        }
        tool_events.values_mut().for_each(|events| events.sort());
        for request in &played.requests {
            let headers: Vec<_> =
                request.headers.iter().filter(|(name, _)| !OTHER_HEADERS.contains(&name.as_str())).collect();
            let text = plain(format!("{:?} {headers:?} {}", request.endpoint, request.body));
            requests.entry(request.agent.clone()).or_insert_with(Vec::new).push(text);
        }
        Self { events, tool_events, requests }
    }

    /// Everything, line by line.
    pub(crate) fn lines(&self) -> Vec<&str> {
        let lists = [&self.events, &self.tool_events, &self.requests];
        lists.into_iter().flat_map(|list| list.values().flatten().map(String::as_str)).collect()
    }

    /// Panics where two differ, and shows the first difference.
    pub(crate) fn assert_same(&self, other: &Self, what: &str) {
        let (ours, theirs) = (self.lines(), other.lines());
        for (line, (left, right)) in ours.iter().zip(&theirs).enumerate() {
            let from =
                left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count().saturating_sub(200);
            let near = |text: &str| text.chars().skip(from).take(500).collect::<String>();
            assert!(left == right, "{what}, line {line}:\n{}\n{}", near(left), near(right));
        }
        assert_eq!(ours.len(), theirs.len(), "{what}");
    }
}
