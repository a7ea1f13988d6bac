//! Which thread and turn a request belongs to.
//!
//! Nothing here reads or writes anything: requests and answers in, places out.

mod named;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use named::Named;

use crate::{
    Headers,
    request::{AnswerView, ItemKind, ItemView, RequestView},
};

/// The fewest characters of an answer that are evidence if a request repeats them.
const TOLD_CHARS: usize = 20;

/// Where a request belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number of the thread, by which its answer is added.
    pub(crate) thread: ThreadNumber,
    /// What is known about the thread, if the request is its first.
    pub(crate) new_thread: Option<NewThread>,
    pub(crate) thread_id: String,
    pub(crate) turn_id: String,
    /// Whether the request is the first of the turn.
    pub(crate) begins_turn: bool,
    /// Whether the request asks for a compaction of the history.
    pub(crate) is_compaction: bool,
}

/// Numbers the threads in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ThreadNumber(pub(crate) usize);

/// What is known about a thread when it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewThread {
    pub(crate) session_id: Option<String>,
    pub(crate) agent_id: Option<String>,
    pub(crate) parent_thread_id: Option<String>,
    pub(crate) agent_path: String,
    pub(crate) assignment: Assignment,
}

/// By what a thread was told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assignment {
    /// Headers name the session and the agent.
    Headers,
    /// The session is known.
    Metadata,
    /// Its history alone.
    History,
}

impl Assignment {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Metadata => "metadata",
            Self::History => "history",
        }
    }
}

/// How the last call of a thread stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallState {
    Running,
    Completed,
    /// Failed or canceled: the same request again is a retry.
    Unsuccessful,
}

/// All threads that were seen.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    threads: Vec<Thread>,
    by_id: HashMap<String, ThreadNumber>,
    by_scope: HashMap<Scope, Vec<ThreadNumber>>,
    /// The next number of a thread that is named after its session, or after nothing.
    next: HashMap<Option<String>, usize>,
}

/// The requests among which histories are compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Scope {
    session: Option<String>,
    agent: Option<String>,
    has_tools: bool,
}

#[derive(Debug)]
struct Thread {
    id: String,
    /// The items of the last request, and how many these are without those of its answer, which follow.
    items: Vec<ItemView>,
    request_items: usize,
    /// The items of the last request with the reminders of the client.
    items_with_reminders: Vec<ItemView>,
    /// The hash of the last request's body.
    body: u64,
    state: CallState,
    answer_text: String,
    turn_id: Option<String>,
    turns: usize,
    /// The number of the last request, of all threads.
    last: usize,
}

/// A request whose place is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'r> {
    pub(crate) headers: &'r Headers,
    pub(crate) view: &'r RequestView,
    /// A hash of the body.
    pub(crate) body: u64,
    /// Whether its path asks for a compaction of the history.
    pub(crate) is_compaction: bool,
}

impl Threads {
    /// Returns the place of a request, which is its thread's last one from then on.
    pub(crate) fn place(&mut self, request: Request<'_>) -> Place {
        let named = Named::of(request.headers);
        let (thread, new_thread) = self.thread_of(&request, &named);
        let last = 1 + self.threads.iter().map(|thread| thread.last).max().unwrap_or_default();
        let place = &mut self.threads[thread.0];
        let begins = match &named.turn_id {
            Some(turn_id) => place.turn_id.as_ref() != Some(turn_id),
            None => place.turn_id.is_none() || place.is_begun_by(request.view),
        };
        if begins {
            place.turns += 1;
            let made = || format!("{}/turn-{}", place.id, place.turns);
            place.turn_id = Some(named.turn_id.clone().unwrap_or_else(made));
        }
        place.items.clone_from(&request.view.items);
        place.request_items = place.items.len();
        place.items_with_reminders.clone_from(&request.view.items_with_reminders);
        place.body = request.body;
        place.state = CallState::Running;
        place.answer_text.clear();
        place.last = last;
        Place {
            thread,
            new_thread,
            thread_id: place.id.clone(),
            turn_id: place.turn_id.clone().expect("set above"),
            begins_turn: begins,
            is_compaction: request.is_compaction || named.is_compaction,
        }
    }

    /// Adds the answer to the thread's last request. `body` is the hash of the request that is answered: an answer to an
    /// earlier one says nothing about the last.
    pub(crate) fn answer(&mut self, thread: ThreadNumber, body: u64, answer: &AnswerView, state: CallState) {
        let thread = &mut self.threads[thread.0];
        if thread.body == body {
            thread.items.truncate(thread.request_items);
            thread.items.extend_from_slice(&answer.items);
            thread.answer_text.clone_from(&answer.text);
            thread.state = state;
        }
    }

    fn thread_of(&mut self, request: &Request<'_>, named: &Named) -> (ThreadNumber, Option<NewThread>) {
        let view = request.view;
        if let Some(thread_id) =
            named.thread_id.as_ref().filter(|_| view.has_tools || request.is_compaction || named.is_compaction)
        {
            if let Some(&known) = self.by_id.get(thread_id) {
                return (known, None);
            }
            return self.begin(thread_id.clone(), named.new_thread(Assignment::Headers), self.scope(request, named));
        }
        let scope = self.scope(request, named);
        let found = self.best_of(&scope, request).or_else(|| self.told_by(&scope, view));
        if let Some(found) = found {
            return (found, None);
        }
        let session = scope.session.clone();
        let assignment = if session.is_some() { Assignment::Metadata } else { Assignment::History };
        let is_first = scope.has_tools && !self.by_scope.contains_key(&scope);
        let id = match &session {
            Some(session) if is_first && !self.by_id.contains_key(session) => session.clone(),
            _ => self.next_id(session.as_deref()),
        };
        let new = NewThread { session_id: session, ..named.new_thread(assignment) };
        self.begin(id, NewThread { parent_thread_id: None, ..new }, scope)
    }

    fn scope(&self, request: &Request<'_>, named: &Named) -> Scope {
        let session = named.session_id.clone().or_else(|| request.view.session.clone());
        Scope { session, agent: named.agent_id.clone(), has_tools: request.view.has_tools }
    }

    /// Returns the thread of the scope that the request continues, by the longest run of common items.
    fn best_of(&self, scope: &Scope, request: &Request<'_>) -> Option<ThreadNumber> {
        let candidates = self.by_scope.get(scope)?.iter().map(|&number| (number, &self.threads[number.0]));
        let fitting = candidates.filter_map(|(number, thread)| {
            let run = thread.common_run(request.view);
            let is_twin = thread.body == request.body && thread.state != CallState::Unsuccessful;
            let has_question = run >= request.view.first_user_end && request.view.first_user_end > 0;
            (!is_twin && has_question && run * 2 >= thread.request_items).then_some((run, thread.last, number))
        });
        fitting.max().map(|(_, _, number)| number)
    }

    /// Returns the thread of the scope whose last answer the request's first message tells: a client's own compaction.
    fn told_by(&self, scope: &Scope, view: &RequestView) -> Option<ThreadNumber> {
        let told = view.first_user_texts.join("\n");
        let candidates = self.by_scope.get(scope)?.iter().filter(|&&number| {
            let answer = self.threads[number.0].answer_text.trim();
            let summary = answer.split_once("<summary>").and_then(|(_, rest)| rest.split_once("</summary>"));
            let texts = [Some(answer), summary.map(|(summary, _)| summary.trim())];
            texts.into_iter().flatten().any(|text| text.chars().count() >= TOLD_CHARS && told.contains(text))
        });
        candidates.max_by_key(|number| self.threads[number.0].last).copied()
    }

    fn begin(&mut self, id: String, new: NewThread, scope: Scope) -> (ThreadNumber, Option<NewThread>) {
        let number = ThreadNumber(self.threads.len());
        self.by_id.insert(id.clone(), number);
        self.by_scope.entry(scope).or_default().push(number);
        self.threads.push(Thread {
            id,
            items: Vec::new(),
            request_items: 0,
            items_with_reminders: Vec::new(),
            body: 0,
            state: CallState::Unsuccessful,
            answer_text: String::new(),
            turn_id: None,
            turns: 0,
            last: 0,
        });
        (number, Some(new))
    }

    /// Returns an id that no thread has: `SESSION:2`, `SESSION:3`, …, or `thread-1`, `thread-2`, … without a session.
    fn next_id(&mut self, session: Option<&str>) -> String {
        let next = self.next.entry(session.map(str::to_owned)).or_insert(if session.is_some() { 2 } else { 1 });
        loop {
            let id = match session {
                Some(session) => format!("{session}:{next}"),
                None => format!("thread-{next}"),
            };
            *next += 1;
            if !self.by_id.contains_key(&id) {
                return id;
            }
        }
    }
}

impl Thread {
    /// Returns how many items from the start the last request with its answer and this request have in common.
    fn common_run(&self, view: &RequestView) -> usize {
        self.items.iter().zip(&view.items).take_while(|(own, other)| own == other).count()
    }

    /// Returns whether a request begins a turn: after the model's last item it holds a message of the user that the last
    /// request did not hold, and no output of a tool.
    fn is_begun_by(&self, view: &RequestView) -> bool {
        let items = &view.items_with_reminders;
        let tail = items.iter().rposition(|item| item.is_of_model()).map_or(0, |at| at + 1);
        let tail = &items[tail..];
        let held: HashSet<_> = self.items_with_reminders.iter().map(|item| item.identity()).collect();
        !tail.iter().any(|item| item.kind == ItemKind::Output)
            && tail.iter().any(|item| item.kind == ItemKind::User && !held.contains(&item.identity()))
    }
}
