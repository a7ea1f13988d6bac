//! The state of a script: which requests have come, and which replies have been sent.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    Script, SeenRequest,
    error::RequestError,
    script::{After, Reply},
};

/// A script and its progress.
#[derive(Debug)]
pub(crate) struct Dialogue {
    script: Script,
    /// The place of each reply that has been sent, and the agent that received it.
    given: BTreeSet<(usize, String)>,
    /// The ids of the complete responses, which later requests may continue from.
    responses: BTreeSet<String>,
    pub(crate) seen: Vec<SeenRequest>,
    /// Whether `seen` omits the bodies.
    pub(crate) forgets_bodies: bool,
}

/// The reply to a request, and the part of its ids that makes them unique.
pub(crate) struct Chosen {
    pub(crate) reply: Reply,
    pub(crate) place: String,
}

impl Dialogue {
    pub(crate) fn new(script: Script) -> Self {
        Self { script, given: BTreeSet::new(), responses: BTreeSet::new(), seen: Vec::new(), forgets_bodies: false }
    }

    /// Records a request and finds its reply.
    pub(crate) fn answer(&mut self, request: SeenRequest) -> Result<Chosen, RequestError> {
        let body = if self.forgets_bodies { Value::Null } else { request.body.clone() };
        self.seen.push(SeenRequest { body, ..request.clone() });
        request.check()?;
        if let Some(previous) = request.body["previous_response_id"].as_str()
            && !self.responses.contains(previous)
        {
            return Err(RequestError::UnknownPrevious(previous.to_owned()));
        }
        let newest = request.input().last().map(ToString::to_string).unwrap_or_default();
        let agent = request.agent;
        let fits = |(place, reply): &(usize, &Reply)| {
            reply.is_for(&agent, request.endpoint)
                && !self.given.contains(&(*place, agent.clone()))
                && reply.when.as_ref().is_none_or(|text| newest.contains(text.as_str()))
        };
        let Some((place, reply)) = self.script.replies.iter().enumerate().find(fits) else {
            return Err(RequestError::NoReply { agent, newest });
        };
        let reply = reply.clone();
        self.given.insert((place, agent.clone()));
        let place = match agent.rsplit_once('/') {
            Some((_, name)) if reply.is_shared() => format!("{}_{name}", place + 1),
            _ => (place + 1).to_string(),
        };
        Ok(Chosen { reply, place })
    }

    /// Returns whether an agent has made as many requests as a reply waits for.
    pub(crate) fn is_reached(&self, after: &After) -> bool {
        self.seen.iter().filter(|request| request.agent == after.agent).count() >= after.requests
    }

    /// Records that a response is complete.
    pub(crate) fn completed(&mut self, response_id: String) {
        self.responses.insert(response_id);
    }

    /// Returns the places, counted from 1, of the replies that have not been sent.
    pub(crate) fn unused(&self) -> Vec<usize> {
        let given = |place: usize| self.given.iter().any(|(given, _)| *given == place);
        (0..self.script.replies.len()).filter(|place| !given(*place)).map(|place| place + 1).collect()
    }
}
