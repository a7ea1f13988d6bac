//! Chrome trace events, which Perfetto and speedscope open.
//!
//! Source: exports, section 2.

mod args;
mod flows;
mod slices;
mod tracks;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use rollout_trace_answers::Rollout;
use serde_json::Value;

use self::{
    flows::{Flow, Flows, Message},
    slices::{Shown, Slices},
};
use crate::{
    LeftOut, Texts, Written,
    marks::{Event, Mark, marks},
    object::Object,
    spans::Work,
    subject::{Subject, recording_complete},
    texts::name,
};

/// The version of the mapping. A change that alters what a field means raises it.
const MAPPING: u32 = 1;

/// The number of the track with what takes no time.
const MARKS: usize = 999;

/// How many slices the viewers show without effort.
const MANY: usize = 100_000;

/// Writes a rollout as Chrome trace events: one JSON object, with one event per line.
///
/// # Errors
///
/// Writing fails.
pub fn write(rollout: &Rollout<'_>, texts: Texts, out: &mut dyn Write) -> io::Result<Written> {
    let subject = Subject::of(rollout);
    let slices = Slices::of(&subject);
    let flows = Flows::of(&subject, &slices);
    let marks = marks(subject.graph, &subject.clock);
    let zero = subject.clock.first();
    let mut trace = Trace { subject: &subject, slices: &slices, marks: &marks, texts, zero, out, is_first: true };
    trace.head(&flows)?;
    trace.names(&flows)?;
    trace.slices(&flows)?;
    trace.marks()?;
    trace.counters()?;
    trace.flows(&flows)?;
    trace.out.write_all(b"\n]}\n")?;
    let mut left_out = LeftOut::default();
    left_out.add(subject.graph.conversation_items.len(), "conversation item", "conversation items");
    left_out.add(subject.graph.undelivered_messages.len(), "undelivered message", "undelivered messages");
    left_out.add(flows.without_both_ends, "flow without both ends", "flows without both ends");
    left_out.add(flows.backwards, "flow back in time", "flows back in time");
    let count = slices.list.len();
    let advice = (count >= MANY).then(|| format!("{count} slices are many for a viewer; --format parquet has tables"));
    Ok(Written { left_out, advice })
}

struct Trace<'t, 'r, 'a> {
    subject: &'t Subject<'r, 'a>,
    slices: &'t Slices<'a>,
    marks: &'t [Mark<'a>],
    texts: Texts,
    zero: i64,
    out: &'t mut dyn Write,
    is_first: bool,
}

impl<'a> Trace<'_, '_, 'a> {
    fn head(&mut self, flows: &Flows<'_>) -> io::Result<()> {
        let (graph, clock) = (self.subject.graph, &self.subject.clock);
        let not_shown = Object::new()
            .with("conversation_items", graph.conversation_items.len())
            .with("undelivered_messages", graph.undelivered_messages.len())
            .with("flows_without_both_ends", flows.without_both_ends)
            .with("flows_back_in_time", Some(flows.backwards).filter(|count| *count > 0));
        let other = Object::new()
            .with("producer", "rollout-trace")
            .with("mapping", MAPPING)
            .with("trace_id", graph.trace_id.as_str())
            .with("rollout_id", graph.rollout_id.as_str())
            .with("status", graph.status.as_str())
            .with("recording_complete", recording_complete(graph))
            .with("zero_unix_us", self.zero)
            .with("digits_below_1000us", "ordinal")
            .with("clock_went_back", clock.went_back())
            .with("clock_out_of_range", Some(clock.out_of_range()).filter(|count| *count > 0))
            .with("content", self.texts.content.as_str())
            .with("not_shown", not_shown);
        write!(self.out, "{{\"otherData\":{},\"traceEvents\":[", Value::from(other))
    }

    fn event(&mut self, event: Object) -> io::Result<()> {
        self.out.write_all(if self.is_first { b"\n" } else { b",\n" })?;
        self.is_first = false;
        serde_json::to_writer(&mut *self.out, &Value::from(event))?;
        Ok(())
    }

    fn metadata(&mut self, what: &str, (pid, tid): (usize, usize), args: Object) -> io::Result<()> {
        self.event(
            Object::new().with("ph", "M").with("name", what).with("pid", pid).with("tid", tid).with("args", args),
        )
    }

    /// Writes the names of processes and tracks, in the order in which they are to be shown.
    fn names(&mut self, flows: &Flows<'_>) -> io::Result<()> {
        let mut messages: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for message in &flows.messages {
            messages.entry(message.point.pid).or_default().insert(message.point.tid);
        }
        let marked: BTreeSet<_> = self.marks.iter().map(|mark| self.ids_of_marks(mark)).collect();
        for process in self.slices.processes() {
            let mut tracks = process.tracks;
            let of_messages = messages.get(&process.pid).into_iter().flatten().rev().zip(1..);
            tracks.extend(of_messages.map(|(tid, number)| match number {
                1 => (*tid, "messages".to_owned()),
                _ => (*tid, format!("messages {number}")),
            }));
            let marks = (process.pid, process.pid * 1000 + MARKS);
            if marked.contains(&marks) {
                tracks.push((marks.1, "marks".to_owned()));
            }
            let Some((first, _)) = tracks.first() else { continue };
            let ids = (process.pid, *first);
            self.metadata("process_name", ids, Object::new().with("name", process.name))?;
            self.metadata("process_sort_index", ids, Object::new().with("sort_index", process.pid))?;
            for (tid, name) in tracks {
                self.metadata("thread_name", (process.pid, tid), Object::new().with("name", name))?;
                self.metadata("thread_sort_index", (process.pid, tid), Object::new().with("sort_index", tid))?;
            }
        }
        Ok(())
    }

    /// Writes the slices. Of those that start together on a track, the outer one comes first.
    fn slices(&mut self, flows: &Flows<'_>) -> io::Result<()> {
        for slice in &self.slices.list {
            let (name, category, args) = match slice.shown {
                Shown::Span(span) => {
                    let span = &self.subject.spans[span];
                    let args = args::of_span(self.subject, span, self.texts);
                    (args::title(self.subject, span.work), args::category(span.work), args)
                }
                Shown::Terminal(operation) => {
                    ("terminal".to_owned(), "terminal", args::of_terminal(operation, self.texts))
                }
            };
            let (pid, tid) = self.slices.numbers(slice.process, slice.track);
            let event = complete(name, category, args).with("pid", pid).with("tid", tid);
            let event = event.with("ts", slice.extent.start - self.zero);
            self.event(event.with("dur", slice.extent.end - slice.extent.start))?;
        }
        for Message { edge, point } in &flows.messages {
            let args = Object::new().with("id", edge.edge_id.as_str());
            let event = complete(edge.kind.as_str().to_owned(), "message", args);
            let event = event.with("pid", point.pid).with("tid", point.tid);
            self.event(event.with("ts", point.at - self.zero).with("dur", 1))?;
        }
        Ok(())
    }

    fn ids_of_marks(&self, mark: &Mark<'_>) -> (usize, usize) {
        let process = mark.thread.map_or(self.slices.unknown(), |thread| self.slices.process(thread));
        let (pid, _) = self.slices.numbers(process, 0);
        (pid, pid * 1000 + MARKS)
    }

    /// Writes what takes no time.
    fn marks(&mut self) -> io::Result<()> {
        for mark in self.marks {
            let (title, category, args) = match mark.event {
                Event::Installed(compaction) => {
                    let args = Object::new()
                        .with("id", compaction.compaction_id.as_str())
                        .with("input_items", compaction.input_item_ids.len())
                        .with("replacement_items", compaction.replacement_item_ids.len());
                    ("compaction installed", "compaction".into(), args)
                }
                Event::Marker(marker) => {
                    let kind = serde_json::to_value(marker.kind)?;
                    (name(&marker.name), kind, Object::new().with("seq", marker.seq))
                }
                Event::Diagnostic(diagnostic) => {
                    let args = Object::new()
                        .with("severity", diagnostic.severity.to_string())
                        .with("seq", diagnostic.seq)
                        .with("line", diagnostic.line)
                        .with("payload", diagnostic.payload_id.as_deref());
                    (diagnostic.code.as_str(), "diagnostic".into(), args)
                }
            };
            let (pid, tid) = self.ids_of_marks(mark);
            let event = Object::new().with("ph", "i").with("s", "t").with("name", title).with("cat", category);
            let event = event.with("pid", pid).with("tid", tid).with("ts", mark.at - self.zero);
            self.event(event.with("args", args))?;
        }
        Ok(())
    }

    /// Writes how many tokens each request had.
    fn counters(&mut self) -> io::Result<()> {
        for span in self.subject.spans.iter() {
            let Work::Inference(call) = span.work else { continue };
            let Some(usage) = &call.usage else { continue };
            let (pid, tid) = self.slices.numbers(self.slices.process(&call.thread_id), 0);
            let not_cached = usage.input_tokens.saturating_sub(usage.cached_input_tokens);
            let args = Object::new().with("cached", usage.cached_input_tokens).with("not cached", not_cached);
            let event = Object::new().with("ph", "C").with("name", "context tokens").with("pid", pid).with("tid", tid);
            self.event(event.with("ts", span.start - self.zero).with("args", args))?;
        }
        Ok(())
    }

    /// Writes the arrows, each by its start and its end.
    fn flows(&mut self, flows: &Flows<'_>) -> io::Result<()> {
        for (Flow { name, edge, from, to }, id) in flows.list.iter().zip(1_u64..) {
            let category = if edge.is_some() { "edge" } else { "flow" };
            for (phase, point) in [("s", from), ("f", to)] {
                let event = Object::new().with("ph", phase).with("bp", "e").with("id", id).with("name", *name);
                let event = event.with("cat", category).with("pid", point.pid).with("tid", point.tid);
                let args = Object::new().with("edge", edge.map(|edge| edge.edge_id.as_str()));
                self.event(event.with("ts", point.at - self.zero).with("args", args))?;
            }
        }
        Ok(())
    }
}

fn complete(name: String, category: &str, args: Object) -> Object {
    Object::new().with("ph", "X").with("name", name).with("cat", category).with("args", args)
}
