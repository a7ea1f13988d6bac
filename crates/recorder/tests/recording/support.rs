//! Reading back what was recorded.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use rollout_trace_bundle::{Bundle, Evidence, PayloadBuffer, PayloadError, PayloadSource};
use rollout_trace_recorder::{MemorySink, PayloadLayout, SessionSource, ThreadTraceContext, TraceOptions};
use rollout_trace_schema::{PayloadRef, RawEvent};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use crate::traced_agent::{ROOT_THREAD, metadata};

pub(crate) const LAYOUTS: [PayloadLayout; 2] = [PayloadLayout::Packed, PayloadLayout::Files];

/// Returns options with which two runs make the same bytes, except for the salt of a pack.
pub(crate) fn options(layout: PayloadLayout) -> TraceOptions {
    let (clock, ids) = (AtomicI64::new(1_795_221_181_000), AtomicU64::new(0));
    TraceOptions::new()
        .layout(layout)
        .clock(move || clock.fetch_add(1, Ordering::Relaxed))
        .ids(move || format!("id-{}", ids.fetch_add(1, Ordering::Relaxed)))
}

/// Starts a root thread that records into memory.
pub(crate) fn in_memory(options: TraceOptions) -> (ThreadTraceContext, MemorySink) {
    let sink = MemorySink::new();
    let metadata = metadata(ROOT_THREAD, "/root", SessionSource::Program("test".into()));
    let trace = ThreadTraceContext::start_root(Path::new("nowhere"), metadata, options.memory_sink(&sink))
        .expect("memory can always be written");
    (trace, sink)
}

/// A bundle that has been read.
pub(crate) struct Recorded {
    pub(crate) events: Vec<RawEvent>,
    pub(crate) bundle: Bundle,
    _folder: Option<Arc<TempDir>>,
}

impl Recorded {
    pub(crate) fn of(sink: &MemorySink) -> Self {
        let folder = TempDir::new().expect("a folder");
        sink.write_to(folder.path()).expect("space");
        let recorded = Self::at(folder.path());
        Self { _folder: Some(Arc::new(folder)), ..recorded }
    }

    /// Reads a bundle, and checks that its log has no problems.
    pub(crate) fn at(folder: &Path) -> Self {
        let bundle = Bundle::open(folder).expect("a bundle");
        assert_eq!(bundle.problems(), []);
        let events = bundle
            .events()
            .map(|evidence| match evidence {
                Evidence::Event(event) => event.event,
                Evidence::Problem(problem) => panic!("{problem}"),
            })
            .collect();
        Self { events, bundle, _folder: None }
    }

    /// Returns the types of all events.
    pub(crate) fn types(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.payload.type_name()).collect()
    }

    /// Returns the events of one type, as JSON.
    pub(crate) fn of_type(&self, name: &str) -> Vec<Value> {
        let events = self.events.iter().filter(|event| event.payload.type_name() == name);
        events.map(|event| serde_json::to_value(&event.payload).expect("JSON")).collect()
    }

    /// Returns the documents of the protocol events of one type.
    pub(crate) fn reports(&self, event_type: &str) -> Vec<Value> {
        let events = self.of_type("protocol_event_observed").into_iter();
        events
            .filter(|event| event["event_type"] == event_type)
            .map(|event| {
                let reference = serde_json::from_value(event["event_payload"].clone()).expect("a reference");
                serde_json::from_slice(&self.document(&reference).expect("a document")).expect("JSON")
            })
            .collect()
    }

    /// Returns all references to payloads, in order.
    pub(crate) fn references(&self) -> Vec<PayloadRef> {
        let mut references = Vec::new();
        for event in &self.events {
            event.payload.for_each_payload_ref(|reference| references.push(reference.clone()));
        }
        references
    }

    /// Returns a payload document.
    pub(crate) fn document(&self, reference: &PayloadRef) -> Result<Vec<u8>, PayloadError> {
        let mut buffer = PayloadBuffer::default();
        self.bundle.payloads().load(reference, &mut buffer)?;
        Ok(buffer.bytes().to_vec())
    }

    /// Returns all payload documents, in the order of the references to them.
    pub(crate) fn documents(&self) -> Vec<Value> {
        let references = self.references();
        let documents = references.iter().map(|reference| self.document(reference).expect("no reference dangles"));
        documents.map(|document| serde_json::from_slice(&document).expect("JSON")).collect()
    }
}

/// Returns the graph of a bundle, and its diagnostics that are more than notes.
pub(crate) fn reduced(bundle: &Bundle) -> (Value, Vec<String>) {
    let trace = rollout_trace::reduce_bundle(bundle);
    let state = serde_json::to_value(&trace).expect("JSON");
    let diagnostics = state["diagnostics"].as_array().into_iter().flatten();
    let bad = diagnostics.filter(|diagnostic| diagnostic["severity"] != "note").map(Value::to_string).collect();
    (state, bad)
}
