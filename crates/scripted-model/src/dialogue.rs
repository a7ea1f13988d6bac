//! How far each agent has come in the script.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    Script, SeenRequest,
    script::{After, Reply},
};

/// The script, what has been asked, and what has been answered.
#[derive(Debug)]
pub(crate) struct Dialogue {
    script: Script,
    /// Replies by their places, and the agents that have had them.
    given: BTreeSet<(usize, String)>,
    /// The responses that a later request may build on.
    responses: BTreeSet<String>,
    pub(crate) seen: Vec<SeenRequest>,
    /// Whether no bodies are kept in `seen`.
    pub(crate) forgets: bool,
}

/// The reply to a request, and what its ids are made of.
pub(crate) struct Chosen {
    pub(crate) reply: Reply,
    pub(crate) place: String,
}

impl Dialogue {
    pub(crate) fn new(script: Script) -> Self {
        Self { script, given: BTreeSet::new(), responses: BTreeSet::new(), seen: Vec::new(), forgets: false }
    }

    /// Notes a request and finds the reply to it, or says what is wrong.
    pub(crate) fn answer(&mut self, request: SeenRequest) -> Result<Chosen, String> {
        let body = if self.forgets { Value::Null } else { request.body.clone() };
        self.seen.push(SeenRequest { body, ..request.clone() });
        if let Some(complaint) = request.complaint() {
            return Err(complaint);
        }
        if let Some(previous) = request.body["previous_response_id"].as_str()
            && !self.responses.contains(previous)
        {
            return Err(format!("previous response {previous} not found"));
        }
        let newest = request.input().last().map(ToString::to_string).unwrap_or_default();
        let agent = request.agent;
        let fits = |(place, reply): &(usize, &Reply)| {
            reply.is_for(&agent, request.endpoint)
                && !self.given.contains(&(*place, agent.clone()))
                && reply.when.as_ref().is_none_or(|text| newest.contains(text.as_str()))
        };
        let Some((place, reply)) = self.script.replies.iter().enumerate().find(fits) else {
            return Err(format!("the script has no reply for {agent} (any more) to: {newest}"));
        };
        let reply = reply.clone();
        self.given.insert((place, agent.clone()));
        let place = match agent.rsplit_once('/') {
            Some((_, name)) if reply.is_shared() => format!("{}_{name}", place + 1),
            _ => (place + 1).to_string(),
        };
        Ok(Chosen { reply, place })
    }

    /// Whether an agent has asked as often as a reply wants.
    pub(crate) fn has_come(&self, after: &After) -> bool {
        self.seen.iter().filter(|request| request.agent == after.agent).count() >= after.requests
    }

    /// Notes that a response is complete.
    pub(crate) fn completed(&mut self, response_id: String) {
        self.responses.insert(response_id);
    }

    /// The places of the replies that nobody has had, from 1.
    pub(crate) fn unused(&self) -> Vec<usize> {
        let given = |place: usize| self.given.iter().any(|(given, _)| *given == place);
        (0..self.script.replies.len()).filter(|place| !given(*place)).map(|place| place + 1).collect()
    }
}
