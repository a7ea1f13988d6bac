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

/// Options by which two runs give the same bytes but for the salt of a pack.
pub(crate) fn options(layout: PayloadLayout) -> TraceOptions {
    let (clock, ids) = (AtomicI64::new(1_795_221_181_000), AtomicU64::new(0));
    TraceOptions::new()
        .layout(layout)
        .clock(move || clock.fetch_add(1, Ordering::Relaxed))
        .ids(move || format!("id-{}", ids.fetch_add(1, Ordering::Relaxed)))
}

/// A root thread that records into memory.
pub(crate) fn in_memory(options: TraceOptions) -> (ThreadTraceContext, MemorySink) {
    let sink = MemorySink::new();
    let metadata = metadata(ROOT_THREAD, "/root", SessionSource::Program("test".into()));
    let trace = ThreadTraceContext::start_root(Path::new("nowhere"), metadata, options.memory_sink(&sink))
        .expect("memory is always there");
    (trace, sink)
}

/// A bundle, read.
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

    /// Reads a bundle whose log has nothing wrong with it.
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

    /// The types of all events.
    pub(crate) fn types(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.payload.type_name()).collect()
    }

    /// The events of one type, as JSON.
    pub(crate) fn of_type(&self, name: &str) -> Vec<Value> {
        let events = self.events.iter().filter(|event| event.payload.type_name() == name);
        events.map(|event| serde_json::to_value(&event.payload).expect("JSON")).collect()
    }

    /// The protocol events of one type: their documents.
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

    /// All references to payloads, in order.
    pub(crate) fn references(&self) -> Vec<PayloadRef> {
        let mut references = Vec::new();
        for event in &self.events {
            event.payload.for_each_payload_ref(|reference| references.push(reference.clone()));
        }
        references
    }

    /// A payload document.
    pub(crate) fn document(&self, reference: &PayloadRef) -> Result<Vec<u8>, PayloadError> {
        let mut buffer = PayloadBuffer::default();
        self.bundle.payloads().load(reference, &mut buffer)?;
        Ok(buffer.bytes().to_vec())
    }

    /// All payload documents, in the order of the references to them.
    pub(crate) fn documents(&self) -> Vec<Value> {
        let references = self.references();
        let documents = references.iter().map(|reference| self.document(reference).expect("no reference dangles"));
        documents.map(|document| serde_json::from_slice(&document).expect("JSON")).collect()
    }
}

/// The graph of a bundle, without its diagnostics' messages: these and the severities.
pub(crate) fn reduced(bundle: &Bundle) -> (Value, Vec<String>) {
    let trace = rollout_trace::reduce_bundle(bundle);
    let state = serde_json::to_value(&trace).expect("JSON");
    let diagnostics = state["diagnostics"].as_array().into_iter().flatten();
    let bad = diagnostics.filter(|diagnostic| diagnostic["severity"] != "note").map(Value::to_string).collect();
    (state, bad)
}
