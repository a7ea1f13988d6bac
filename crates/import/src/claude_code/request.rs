//! Requests to the model.
//!
//! Source: imports, section 3.2.1.

use std::{collections::HashMap, rc::Rc, sync::Arc};

use rollout_trace_schema::InferenceCallId;
use serde_json::value::RawValue;

use super::{
    block::{Block, Key, key},
    found::Found,
    thread::Thread,
};
use crate::{
    draft::{At, Boundary},
    object::Object,
    problem::ProblemCode,
    writer::{AddedMessages, Answer, Item, Request, UNKNOWN},
};

/// How many branches of requests are remembered as they are. Others are put together again if a request builds on them.
const MAX_BRANCHES: usize = 4;

/// A message of a request, as items.
#[derive(Debug)]
struct Message {
    /// Each block's key and item.
    blocks: Vec<(Key, Item)>,
}

/// A request as its record has it: a part of another one, and further messages.
#[derive(Debug)]
struct Known {
    base: Option<(String, usize)>,
    tail: Vec<Rc<Message>>,
}

/// The messages of a request.
#[derive(Debug, Default)]
struct Branch {
    id: String,
    messages: Vec<Rc<Message>>,
    /// How often each block is in them.
    used: HashMap<Key, usize>,
}

impl Branch {
    fn push(&mut self, message: Rc<Message>) {
        message.blocks.iter().for_each(|(key, _)| *self.used.entry(*key).or_default() += 1);
        self.messages.push(message);
    }

    fn truncate(&mut self, kept: usize) {
        for message in self.messages.drain(kept..) {
            for (key, _) in &message.blocks {
                if let Some(count) = self.used.get_mut(key) {
                    *count -= 1;
                }
            }
        }
    }
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
    /// The requests by their ids.
    known: HashMap<String, Known>,
    /// The messages of some of them. The one that was used last is the last one.
    branches: Vec<Branch>,
    found: Found,
    pub(super) pending: Option<Pending>,
}

impl Requests {
    /// Forgets the requests before a compaction.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.branches.clear();
        self.found = Found::default();
    }

    /// Returns the first messages of a request. Returns `None` if the request is not known, or is shorter.
    fn begin(&mut self, base: Option<&(String, usize)>) -> Option<Branch> {
        let Some((id, kept)) = base else { return Some(Branch::default()) };
        let mut branch = match self.branches.iter().position(|branch| branch.id == *id) {
            Some(place) => self.branches.remove(place),
            None => self.put_together(id)?,
        };
        if branch.messages.len() < *kept {
            self.keep(branch);
            return None;
        }
        branch.truncate(*kept);
        Some(branch)
    }

    /// Returns the messages of a request that are no longer remembered as they are.
    fn put_together(&self, id: &str) -> Option<Branch> {
        let (mut parts, mut next, mut limit) = (Vec::new(), Some(id), usize::MAX);
        // A request only builds on earlier ones.
        while let Some(id) = next {
            let known = self.known.get(id)?;
            let kept = known.base.as_ref().map_or(0, |(_, kept)| *kept);
            let tail = limit.saturating_sub(kept).min(known.tail.len());
            parts.push(&known.tail[..tail]);
            limit = limit.min(kept);
            next = known.base.as_ref().map(|(base, _)| base.as_str());
        }
        let mut branch = Branch::default();
        parts.into_iter().rev().flatten().for_each(|message| branch.push(Rc::clone(message)));
        Some(branch)
    }

    fn keep(&mut self, branch: Branch) {
        self.branches.push(branch);
        if self.branches.len() > MAX_BRANCHES {
            self.branches.remove(0);
        }
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
        let mut rest = record.object("params").unwrap_or_default();
        let model = rest.text("model").unwrap_or_else(|| UNKNOWN.to_owned());
        rest.remove("model");
        let shape = record.text("shapeHash").and_then(|hash| self.blobs.shape(&hash));
        let missing: &[&str] = if shape.is_some() { &[] } else { &["instructions", "tools"] };
        if let Some(shape) = &shape {
            rest.merge(shape);
        }
        if let Some(marks) = record.get("cacheControl") {
            rest.set("rollout_trace_cache_control", marks);
        }
        let call = self.writer.new_call();
        match self.messages(record, &id).filter(|_| shape.is_some()) {
            Some(hashes) => {
                let Some(branch) = self.requests.branches.last() else { return };
                let items = branch.messages.iter().flat_map(|message| &message.blocks).map(|(_, item)| item);
                let same = replace_items(&mut self.seen, items);
                let new = self.seen[same..].to_vec();
                self.accept_unaccepted(&at, &new);
                self.write_request(&at, &call, (&model, Boundary::Verified), (rest, missing, Some(hashes)));
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
        self.chain.select(last);
        let time = self.chain.selected_time().unwrap_or(at.time).min(at.time);
        let items = self.chain.selected().flat_map(|entry| &entry.blocks).map(|block| &block.item);
        replace_items(&mut self.seen, items);
        let mut rest = Object::default();
        rest.set("time_evidence", "lower_bound");
        let at = at.at(time);
        self.write_request(&at, call, (model, Boundary::Implied), (rest, &["instructions", "tools"], None));
        at
    }

    /// Writes a request that held what was seen.
    fn write_request(
        &mut self,
        at: &At,
        call: &InferenceCallId,
        (model, boundary): (&str, Boundary),
        (rest, missing, message_hashes): (Object<'_>, &[&str], Option<AddedMessages>),
    ) {
        let call = call.clone();
        let request = Request { call, model, provider: UNKNOWN, boundary, missing, rest, message_hashes };
        self.writer.inference_started(at, request, &self.seen);
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

    /// Makes the messages that a record of a request names the last branch, if all of them are known. Returns the hashes of
    /// those that it adds, and how many it takes from another request.
    fn messages(&mut self, record: &Object<'_>, id: &str) -> Option<AddedMessages> {
        let base = match record.text("base") {
            Some(base) => Some((base, record.read::<usize>("keep")?)),
            None => None,
        };
        let hashes = record.read::<Vec<String>>("tail")?;
        let mut branch = self.requests.begin(base.as_ref())?;
        let kept = branch.messages.len();
        for hash in &hashes {
            let blob = self.blobs.message(hash).map(|blob| (blob.role.clone(), blob.blocks.clone()));
            let (role, raw) = blob.or_else(|| self.requests.found.message(&self.chain, hash))?;
            let mut blocks = Vec::new();
            let mut used: HashMap<Key, usize> = HashMap::new();
            for (place, block) in raw.iter().enumerate() {
                let key = key(&role, block);
                let here = used.entry(key).or_default();
                let nth = branch.used.get(&key).copied().unwrap_or(0) + *here;
                *here += 1;
                let item = self.chain.item(&key, nth).cloned();
                blocks.push((key, item.unwrap_or_else(|| blob_item(&role, block, hash, place, nth))));
            }
            branch.push(Rc::new(Message { blocks }));
        }
        let tail = branch.messages[kept..].to_vec();
        id.clone_into(&mut branch.id);
        self.requests.keep(branch);
        self.requests.known.insert(id.to_owned(), Known { base, tail });
        Some((hashes, kept))
    }
}

/// Replaces items by others. Returns how many of the first ones stay.
fn replace_items<'i>(items: &mut Vec<Item>, others: impl Iterator<Item = &'i Item>) -> usize {
    let mut others = others.peekable();
    let mut same = 0;
    while let (Some(other), Some(item)) = (others.peek(), items.get(same))
        && Arc::ptr_eq(&item.json, &other.json)
    {
        others.next();
        same += 1;
    }
    items.truncate(same);
    items.extend(others.cloned());
    same
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
