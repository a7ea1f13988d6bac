//! A rollout that answers the calls of a page.

use std::{path::PathBuf, str::FromStr};

use rollout_trace::{
    Bundle,
    answers::{
        Axis, Blame, Context, ContextDiff, CriticalPath, Diff, Findings, Grep, Node, PatternError, Persons, Place,
        Rollout, Search, SelectError, Stats, Time, UnknownName, Unseen, Verdict, Why, pattern,
    },
    evidence::{PayloadBuffer, PayloadSource},
    model::InferenceCall,
    reduce_with_facts,
    schema::ThreadId,
};
use serde::Serialize;

use crate::{
    ApiError, Candidate, Causes, Events, Items, Kind, Labels, PayloadName, RawEventText, RequestChanges, Review,
    RolloutOverview, Selected, Spans, Text, Texts, Thing, columns::PayloadColumn, log::Log, query::Query,
    texts::Wanted, view::View,
};

/// The most bytes of one part of a text that a call returns.
const MOST_TEXT: usize = 1 << 20;
/// The bytes of each part unless a call says how many.
const USUAL_TEXT: usize = 4000;
/// The most things whose texts one call returns.
const MOST_TEXTS: usize = 500;
/// The most rows of the log that one call returns.
const MOST_EVENTS: usize = 20_000;
/// The most bytes of a payload that one call returns.
const MOST_PAYLOAD: usize = 64 << 20;
/// The rows of a search unless a call says how many.
const USUAL_MATCHES: usize = 1000;
/// The most candidates for what a selector means.
const MOST_CANDIDATES: usize = 20;

/// What a call returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// JSON.
    Json(Vec<u8>),
    /// A piece of a document, and the length of the whole.
    Payload { bytes: Vec<u8>, whole: usize },
    /// An image of a type that was checked.
    Image { mime: &'static str, bytes: Vec<u8> },
}

/// A rollout that answers the calls of a page.
pub(crate) struct Desk<'r, 'a> {
    pub(crate) view: View<'r, 'a>,
    pub(crate) bundle: &'r Bundle,
    pub(crate) is_followed: bool,
}

impl Desk<'_, '_> {
    /// Answers a call. `other` is the bundle that the argument `with` names.
    pub(crate) fn answer(&self, query: &Query, other: Option<PathBuf>) -> Result<Answer, ApiError> {
        let view = &self.view;
        match query.name.as_str() {
            "overview" => json(&self.overview()),
            "spans" => json(&Spans::of(view)),
            "review" => json(&Review::of(view)),
            "items" => json(&Items::of(view, self.item_range(query)?)),
            "labels" => json(&Labels::of(view, self.item_range(query)?)),
            "changes" => json(&RequestChanges::of(view)),
            "causes" => json(&Causes::of(view)),
            "texts" => texts(view, query),
            "answer" => self.question(query, other),
            "events" => events(view, query),
            "event" => self.event(query),
            "payload" => self.payload(query),
            "image" => self.image(query),
            "select" => json(&self.select(query.required("at")?)),
            other => Err(ApiError::not_found(format!("there is no call {other:?}"), "API.md lists the calls")),
        }
    }

    pub(crate) fn overview(&self) -> RolloutOverview {
        let producer = self.bundle.manifest().and_then(|manifest| manifest.producer.as_ref());
        RolloutOverview::of(&self.view, producer, self.is_followed)
    }

    fn item_range(&self, query: &Query) -> Result<std::ops::Range<u32>, ApiError> {
        Ok(query.number("from")?.unwrap_or(0)..query.number("to")?.unwrap_or(u32::MAX))
    }

    fn question(&self, query: &Query, other: Option<PathBuf>) -> Result<Answer, ApiError> {
        let rollout = self.view.rollout;
        match query.required("question")? {
            "why" => {
                let subject = self.node(query.required("subject")?)?;
                let at = query.text("at").map(|at| self.request(at)).transpose()?;
                json(&Why::of(rollout, &subject, at))
            }
            "context" => json(&Context::of(rollout, self.request(query.required("request")?)?)),
            "context-diff" => {
                let after = self.request(query.required("request")?)?;
                json(&match query.text("before") {
                    Some(before) => ContextDiff::between(rollout, self.request(before)?, after),
                    None => ContextDiff::of(rollout, after),
                })
            }
            "blame" => {
                let by = query.text("by").map_or(Ok(Axis::Source), |by| one_of("by", by))?;
                let thread = query.text("thread").map(|name| self.thread(name)).transpose()?;
                json(&Blame::of(rollout, by, thread.as_ref()))
            }
            "unseen" => json(&Unseen::of(rollout)),
            "findings" => json(&Findings::of(rollout)),
            "stats" => json(&Stats::of(rollout)),
            "time" => json(&Time::of(rollout.graph())),
            "critical-path" => json(&CriticalPath::of(rollout.graph())),
            "verdict" => json(&Verdict::of(rollout)),
            "grep" => self.grep(query),
            "diff" => self.diff(query, other),
            other => Err(ApiError::not_found(
                format!("there is no question {other:?}"),
                "ask why, context, context-diff, blame, unseen, findings, stats, time, critical-path, verdict, grep or diff",
            )),
        }
    }

    fn grep(&self, query: &Query) -> Result<Answer, ApiError> {
        let pattern = pattern(query.required("pattern")?)
            .map_err(|error| ApiError::bad_request(error.to_string(), PatternError::HINT))?;
        let owned = |name: &str| query.text(name).map(str::to_owned);
        let search = Search {
            pattern,
            thread: query.text("thread").map(|name| self.thread(name)).transpose()?,
            kind: owned("kind"),
            role: owned("role"),
            tool: owned("tool"),
            place: query.text("where").map(|place| one_of::<Place>("where", place)).transpose()?,
        };
        let mut answer = Grep::of(self.view.rollout, &search);
        answer.rows.truncate(query.number("limit")?.unwrap_or(USUAL_MATCHES));
        json(&answer)
    }

    fn diff(&self, query: &Query, other: Option<PathBuf>) -> Result<Answer, ApiError> {
        let other = other.ok_or_else(|| {
            ApiError::bad_request("it is not said with which rollout to compare", "give `with`, as rollouts lists it")
        })?;
        let open = |error: rollout_trace::OpenError| ApiError::not_found(error.to_string(), error.hint());
        let other = Bundle::open(other).map_err(open)?;
        let (other_graph, other_facts) = reduce_with_facts(&other);
        let (mut payloads, mut other_payloads) = (self.bundle.payloads(), other.payloads());
        let rollout = self.view.rollout;
        let a = Rollout::new(rollout.graph(), rollout.facts(), &mut payloads, self.bundle.limits());
        let b = Rollout::new(&other_graph, &other_facts, &mut other_payloads, other.limits());
        let persons = match query.text("ignore") {
            Some("input") => Persons::Ignored,
            _ => Persons::Compared,
        };
        json(&Diff::of(&a, &b, persons))
    }

    fn event(&self, query: &Query) -> Result<Answer, ApiError> {
        let seq = query.number::<u64>("seq")?.unwrap_or_default();
        let found = self.bundle.events().find_map(|evidence| match evidence {
            rollout_trace::Evidence::Event(located) if located.event.seq == seq => Some(located.event),
            _ => None,
        });
        let event = found.ok_or_else(|| {
            let last = self.view.log.last_seq().map_or("no events".to_owned(), |last| format!("events up to {last}"));
            ApiError::not_found(format!("there is no event {seq}"), format!("the log has {last}"))
        })?;
        let mut payloads = Vec::new();
        event.payload.for_each_payload_ref(|reference| payloads.push(reference.raw_payload_id.clone()));
        let text = serde_json::to_string_pretty(&event).map_err(|error| {
            ApiError::not_found(format!("event {seq} cannot be shown: {error}"), "open trace.jsonl")
        })?;
        json(&RawEventText { seq, text, payloads: PayloadColumn::of(&payloads) })
    }

    fn payload(&self, query: &Query) -> Result<Answer, ApiError> {
        let document = self.document(query.required("id")?)?;
        let whole = document.len();
        let from = query.number("from")?.unwrap_or(0).min(whole);
        let limit = query.number("limit")?.unwrap_or(MOST_PAYLOAD).min(MOST_PAYLOAD);
        let to = from.saturating_add(limit).min(whole);
        Ok(Answer::Payload { bytes: document[from..to].to_vec(), whole })
    }

    fn image(&self, query: &Query) -> Result<Answer, ApiError> {
        let name = query.required("id")?;
        let document = self.document(name)?;
        let place = query.number("n")?.unwrap_or(0);
        let image = self.view.images.load(&PayloadName::id(name), place, &document);
        let (mime, bytes) = image.ok_or_else(|| {
            let hint = "only PNG, JPEG, GIF and WebP are shown; the payload has the bytes";
            ApiError::not_found("the payload has no such image", hint)
        })?;
        Ok(Answer::Image { mime, bytes })
    }

    /// Returns the document of a payload.
    pub(crate) fn document(&self, name: &str) -> Result<Vec<u8>, ApiError> {
        let id = PayloadName::id(name);
        let payloads = &self.view.graph().raw_payloads;
        let reference = payloads.get(&id).or_else(|| payloads.get(name)).ok_or_else(|| {
            let hint = "the tables and the event log name the payloads of this rollout";
            ApiError::not_found(format!("no event names the payload {name:?}"), hint)
        })?;
        let mut buffer = PayloadBuffer::default();
        self.bundle.payloads().load(reference, &mut buffer).map_err(|error| {
            ApiError::not_found(
                error.to_string(),
                "the evidence is lost; rollout-trace check says what else is missing",
            )
        })?;
        Ok(buffer.bytes().to_vec())
    }

    /// Says what a selector means.
    pub(crate) fn select(&self, selector: &str) -> Selected {
        let rollout = self.view.rollout;
        let mut selected =
            Selected { selector: selector.to_owned(), thing: None, candidates: Vec::new(), problem: None };
        match rollout.select(selector) {
            Ok(node) => selected.thing = self.view.things.of_node(&node),
            Err(SelectError::Nothing) => {
                selected.problem = Some(format!(
                    "nothing in this rollout is named {selector:?}: it has {} requests, {} turns and items up to [{}]",
                    rollout.calls().len(),
                    self.view.things.turns.len(),
                    rollout.graph().conversation_items.keys().next_back().map_or(0, |item| item.0),
                ));
            }
            Err(SelectError::Several(nodes)) => {
                selected.problem = Some(format!("{} things are named {selector:?}", nodes.len()));
                let candidate = |node: &Node| {
                    Some(Candidate { selector: rollout.selector(node), thing: self.view.things.of_node(node)? })
                };
                selected.candidates = nodes.iter().filter_map(candidate).take(MOST_CANDIDATES).collect();
            }
        }
        selected
    }

    fn node(&self, selector: &str) -> Result<Node, ApiError> {
        self.view.rollout.select(selector).map_err(|_| self.not_selected(selector))
    }

    fn request(&self, selector: &str) -> Result<&InferenceCall, ApiError> {
        self.view.rollout.select_call(selector).map_err(|_| self.not_selected(selector))
    }

    fn thread(&self, selector: &str) -> Result<ThreadId, ApiError> {
        match self.node(selector)? {
            Node::Thread(thread) => Ok(thread),
            _ => Err(ApiError::bad_request(format!("{selector:?} is no agent"), "give the name of an agent")),
        }
    }

    fn not_selected(&self, selector: &str) -> ApiError {
        let selected = self.select(selector);
        let candidates: Vec<_> = selected.candidates.into_iter().map(|candidate| candidate.selector).collect();
        let hint = match candidates.is_empty() {
            true => "give the number of an item, or an id or a name that the page shows".to_owned(),
            false => format!("give one of {}", candidates.join(", ")),
        };
        ApiError::not_found(selected.problem.unwrap_or_else(|| format!("{selector:?} is something else")), hint)
    }
}

/// Answers the call `texts`.
pub(crate) fn texts(view: &View<'_, '_>, query: &Query) -> Result<Answer, ApiError> {
    let wanted = Wanted {
        part: query.number("part")?,
        from: query.number("from")?.unwrap_or(0),
        limit: query.number("limit")?.unwrap_or(USUAL_TEXT).min(MOST_TEXT),
    };
    let words: Vec<_> = query.required("of")?.split(',').filter(|word| !word.is_empty()).collect();
    if words.len() > MOST_TEXTS {
        let error = format!("the texts of {} things are wanted at once", words.len());
        return Err(ApiError::bad_request(error, format!("ask for at most {MOST_TEXTS}")));
    }
    let text = |word: &&str| {
        let thing = thing(word).ok_or_else(|| {
            ApiError::bad_request(format!("{word:?} names nothing with a text"), "give item:5, operation:2 or cell:0")
        })?;
        Text::of(view, thing, wanted).ok_or_else(|| {
            ApiError::not_found(format!("there is no {word}, or it has no text"), "the tables list what there is")
        })
    };
    json(&Texts { texts: words.iter().map(text).collect::<Result<_, _>>()? })
}

/// Answers the call `events`.
pub(crate) fn events(view: &View<'_, '_>, query: &Query) -> Result<Answer, ApiError> {
    let from = query.number("from")?.unwrap_or(0_usize);
    let to = query.number("to")?.unwrap_or(usize::MAX).min(from.saturating_add(MOST_EVENTS));
    json(&Events::of(view, from..to))
}

/// Reads `item:5`.
pub(crate) fn thing(word: &str) -> Option<Thing> {
    let (kind, number) = word.split_once(':')?;
    let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind)?;
    Some(Thing(kind, number.parse().ok()?))
}

fn one_of<T: FromStr<Err = UnknownName>>(argument: &str, word: &str) -> Result<T, ApiError> {
    word.parse().map_err(|UnknownName { known }| {
        ApiError::bad_request(format!("{argument} is {word:?}"), format!("it is one of {}", known.join(", ")))
    })
}

pub(crate) fn json(value: &impl Serialize) -> Result<Answer, ApiError> {
    // Keys are strings and numbers are finite, so that this cannot fail; a page says so if it does.
    serde_json::to_vec(value).map(Answer::Json).map_err(|error| ApiError {
        status: 500,
        error: format!("the answer cannot be written as JSON: {error}"),
        hint: "report this as a fault of rollout-trace".to_owned(),
    })
}

/// Reduces a bundle and does something with it.
pub(crate) fn with_desk<T>(bundle: &Bundle, is_followed: bool, work: impl FnOnce(&Desk<'_, '_>) -> T) -> T {
    let mut log = Log::default();
    let (graph, facts) = rollout_trace::reduce_and_see(bundle, |evidence| log.see(evidence));
    log.finish();
    let mut payloads = bundle.payloads();
    let rollout = Rollout::new(&graph, &facts, &mut payloads, bundle.limits());
    work(&Desk { view: View::new(&rollout, &log), bundle, is_followed })
}
