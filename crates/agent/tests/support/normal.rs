//! The behavior of an agent, without parts that differ by chance.

use std::collections::BTreeMap;

use regex::Regex;
use rollout_trace_agent::Played;
use rollout_trace_agent_core::EventMessage;

/// The visible behavior of a rollout: the events and requests of each agent, without ids and times.
#[derive(Debug)]
pub(crate) struct Behavior {
    /// The events in order, except for those of tools.
    events: BTreeMap<String, Vec<String>>,
    /// The events of tools, sorted: with several running tools, their order differs by chance.
    tool_events: BTreeMap<String, Vec<String>>,
    /// The requests in order, with endpoint, headers and body.
    requests: BTreeMap<String, Vec<String>>,
}

/// Patterns of ids, times and places.
const CHANCE: &[(&str, &str)] = &[
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID"),
    (r"Chunk ID: [0-9a-f]+", "CHUNK"),
    (r"Wall time:? [0-9.]+ seconds", "TIME"),
    (r#""(started_at_unix_ms|duration_ms|time_to_first_token_ms)":[0-9]+"#, "TIME"),
    (r#""(chunk_id)\\*":\\*"[0-9a-f]+"#, "CHUNK"),
    (r#"(wall_time_seconds)\\*":[0-9.e-]+"#, "TIME"),
    // Commands may start concurrently.
    (r#""type":"command_began","call_id":("[^"]*"),"session_id":[0-9]+"#, r#"command_began $1"#),
    (r#"(/[^/" ]+)+/\.tmp[A-Za-z0-9]+"#, "FOLDER"),
    (r"127\.0\.0\.1:[0-9]+", "HOST"),
];

/// The headers that are ignored: the length of the body, and the header that only a traced agent sends.
const OTHER_HEADERS: [&str; 2] = ["content-length", "x-codex-inference-call-id"];

impl Behavior {
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

    /// Returns all events and requests as lines.
    pub(crate) fn lines(&self) -> Vec<&str> {
        let lists = [&self.events, &self.tool_events, &self.requests];
        lists.into_iter().flat_map(|list| list.values().flatten().map(String::as_str)).collect()
    }

    /// Asserts that two behaviors are the same, and shows the first difference.
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
