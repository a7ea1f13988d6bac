//! Requests to the model.
//!
//! Source: imports, section 3.2.1.

use std::{collections::HashMap, rc::Rc};

use rollout_trace_schema::InferenceCallId;
use serde_json::{Map, Value, value::RawValue};

use super::{
    block::{Block, key},
    message::hash_of_blocks,
    thread::Thread,
};
use crate::{
    draft::{At, Boundary},
    object::Object,
    problem::ProblemCode,
    writer::{Answer, Item, Request, UNKNOWN},
};

/// How many lines of the harness and results may be one message.
const MAX_LINES: usize = 64;

/// How many requests are remembered for others that build on them.
const MAX_BASES: usize = 64;

/// A message of a request, as items.
#[derive(Debug)]
struct Message {
    hash: String,
    /// Each block's key and item.
    blocks: Vec<(String, Item)>,
}

/// A request that went out and is not answered.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) id: String,
    pub(super) call: InferenceCallId,
    pub(super) started: At,
}

/// What is remembered about requests.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// The messages of the last requests, in the order of the requests.
    known: Vec<(String, Vec<Rc<Message>>)>,
    pub(super) pending: Option<Pending>,
}

impl Requests {
    /// Forgets the requests before a compaction.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }
}

impl Thread {
    /// Reads the record of a request, which is written when the request goes out.
    pub(super) fn read_request(&mut self, at: &At, record: &Object<'_>) {
        let Some(id) = record.text("id") else { return };
        self.end_copy(at);
        self.unanswered_request_fails(at);
        let turn = self.ensure_turn(at);
        let at = At { turn: Some(turn), ..at.clone() };
        let params: Map<String, Value> = record.read("params").unwrap_or_default();
        let model = params.get("model").and_then(Value::as_str).unwrap_or(UNKNOWN).to_owned();
        let mut rest = params;
        rest.remove("model");
        let shape = record.text("shapeHash").and_then(|hash| self.blobs.shape(&hash).cloned());
        let mut missing: &[&str] = &[];
        match shape.as_ref().and_then(Value::as_object) {
            Some(shape) => rest.extend(shape.iter().map(|(name, value)| (name.clone(), value.clone()))),
            None => missing = &["instructions", "tools"],
        }
        if let Some(marks) = record.read::<Value>("cacheControl") {
            rest.insert("rollout_trace_cache_control".to_owned(), marks);
        }
        let messages = self.messages(record).filter(|_| shape.is_some());
        let call = self.writer.new_call();
        match messages {
            Some(messages) => {
                let items: Vec<Item> =
                    messages.iter().flat_map(|message| &message.blocks).map(|(_, item)| item.clone()).collect();
                let hashes = messages.iter().map(|message| message.hash.clone()).collect();
                self.accept_unaccepted(&at, &items);
                self.write_request(&at, &call, (&model, Boundary::Verified), &items, (rest, missing, hashes));
                self.seen = items;
                self.requests.known.push((id.clone(), messages));
                if self.requests.known.len() > MAX_BASES {
                    self.requests.known.remove(0);
                }
            }
            None => {
                let message = format!(
                    "the messages of request {id} are not those that its hashes name; the history before it is used"
                );
                self.writer.problem(&at, ProblemCode::RequestNotVerified, message);
                let last = self.chain.last.clone();
                self.request_implied(&at, &call, &model, last.as_deref());
            }
        }
        self.requests.pending = Some(Pending { id, call, started: at });
    }

    /// Writes a request that follows from the history before its answer. Returns when it went out, as far as is known.
    pub(super) fn request_implied(&mut self, at: &At, call: &InferenceCallId, model: &str, last: Option<&str>) -> At {
        let entries = self.chain.up_to(last);
        let time = entries.iter().map(|entry| entry.time).max().unwrap_or(at.time).min(at.time);
        let items: Vec<Item> =
            entries.into_iter().flat_map(|entry| &entry.blocks).map(|block| block.item.clone()).collect();
        let rest = Map::from_iter([("time_evidence".to_owned(), Value::from("lower_bound"))]);
        let at = at.at(time);
        let missing = &["instructions", "tools"];
        self.write_request(&at, call, (model, Boundary::Implied), &items, (rest, missing, Vec::new()));
        self.seen = items;
        at
    }

    fn write_request(
        &mut self,
        at: &At,
        call: &InferenceCallId,
        (model, boundary): (&str, Boundary),
        items: &[Item],
        (rest, missing, message_hashes): (Map<String, Value>, &[&str], Vec<String>),
    ) {
        let items: Vec<&RawValue> = items.iter().map(|item| &*item.json).collect();
        let call = call.clone();
        let request = Request { call, model, provider: UNKNOWN, items, boundary, missing, rest, message_hashes };
        self.writer.inference_started(at, request);
        self.unshown.clear();
    }

    /// Writes that items which no line has are in the history.
    fn accept_unaccepted(&mut self, at: &At, items: &[Item]) {
        for item in items.iter().filter(|item| item.id.starts_with(BLOB)) {
            if self.tools.accept_once(&item.id) {
                self.writer.accepted(at, item, false);
            }
        }
    }

    /// Fails the request that is open, if it has no answer: it was tried again, or an error follows.
    pub(super) fn unanswered_request_fails(&mut self, at: &At) {
        let error = self.error.take();
        if let Some(pending) = self.requests.pending.take() {
            let (at, error) = error.unwrap_or_else(|| (at.implied(), "no answer is recorded".to_owned()));
            let at = At { turn: pending.started.turn.clone(), ..at };
            self.writer.inference_failed(&at, &pending.call, &error, &Answer::default());
        }
    }

    /// Returns the request that an answer refers to. It is answered with that.
    pub(super) fn take_request(&mut self, reference: Option<&str>) -> Option<Pending> {
        self.requests.pending.take_if(|pending| reference.is_none_or(|reference| reference == pending.id))
    }

    /// Returns the messages that a record of a request names, if all of them are known.
    fn messages(&self, record: &Object<'_>) -> Option<Vec<Rc<Message>>> {
        let mut messages = match record.text("base") {
            Some(base) => {
                let (_, known) = self.requests.known.iter().rev().find(|(id, _)| *id == base)?;
                let keep: usize = record.read("keep")?;
                known.get(..keep)?.to_vec()
            }
            None => Vec::new(),
        };
        let by_key = self.chain.by_key();
        let mut used: HashMap<String, usize> = HashMap::new();
        for (key, _) in messages.iter().flat_map(|message| &message.blocks) {
            *used.entry(key.clone()).or_default() += 1;
        }
        for hash in record.read::<Vec<String>>("tail")? {
            let (role, raw) = self.message_with(&hash)?;
            let mut blocks = Vec::new();
            for (place, block) in raw.iter().enumerate() {
                let key = key(&role, block);
                let nth = used.entry(key.clone()).or_default();
                let item = by_key.get(key.as_str()).and_then(|items| items.get(*nth)).map(|item| (*item).clone());
                let item = item.unwrap_or_else(|| blob_item(&role, block, &hash, place, *nth));
                *nth += 1;
                blocks.push((key, item));
            }
            messages.push(Rc::new(Message { hash, blocks }));
        }
        Some(messages)
    }

    /// Returns the role and the blocks of the message with this hash: of a record that holds it, of an answer, or of
    /// consecutive lines.
    fn message_with(&self, hash: &str) -> Option<(String, Vec<Box<RawValue>>)> {
        if let Some(blob) = self.blobs.message(hash) {
            return Some((blob.role.clone(), blob.blocks.clone()));
        }
        let entries = &self.chain.entries;
        let found = |range: &[usize]| {
            let role = &entries[range[0]].role;
            let raw: Vec<&RawValue> = range.iter().flat_map(|place| &entries[*place].raw).map(|raw| &**raw).collect();
            (hash_of_blocks(role, &raw) == hash)
                .then(|| (role.clone(), raw.into_iter().map(ToOwned::to_owned).collect()))
        };
        for place in (0..entries.len()).rev() {
            let first = &entries[place];
            if let Some(id) = &first.message_id {
                let is_part = |other: &usize| entries[*other].message_id.as_ref() == Some(id);
                let parts: Vec<usize> = (place..entries.len()).filter(is_part).collect();
                let begins = !entries[..place].iter().rev().any(|entry| entry.message_id.as_ref() == Some(id));
                if let Some(message) = found(&parts).filter(|_| begins) {
                    return Some(message);
                }
                continue;
            }
            let mut run = Vec::new();
            for (other, entry) in entries.iter().enumerate().skip(place).take(MAX_LINES) {
                if entry.message_id.is_some() || entry.role != first.role {
                    break;
                }
                if !entry.is_message && first.is_message {
                    continue;
                }
                run.push(other);
                if let Some(message) = found(&run) {
                    return Some(message);
                }
            }
        }
        None
    }
}

/// How the ids of items begin that no line has.
const BLOB: &str = "blob.";

/// Returns the item of a block that no line has, for the nth time in its request.
fn blob_item(role: &str, block: &RawValue, hash: &str, place: usize, nth: usize) -> Item {
    let mut id = format!("{BLOB}{}.{place}", &hash[..hash.len().min(16)]);
    if nth > 0 {
        id.push_str(&format!("#{}", nth + 1));
    }
    Block::new(role, block, &id).item
}
