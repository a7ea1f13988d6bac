//! How a rollout is recorded.

use std::{
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use rollout_trace_schema::{Observed, PayloadLayout, SchemaVersion, UnixMillis};

use crate::{MemorySink, Redactor, caller::guarded, random_ids::RandomIds};

/// The options of recording a rollout. The defaults are right for an agent in use.
///
/// ```
/// use rollout_trace_recorder::{PayloadLayout, Redactor, TraceOptions};
///
/// let options = TraceOptions::new()
///     .layout(PayloadLayout::Files)
///     .max_payload_bytes(16 << 20)
///     .redactor(Redactor::common_secrets());
/// ```
#[derive(Clone)]
#[must_use]
pub struct TraceOptions {
    pub(crate) schema: SchemaVersion,
    pub(crate) layout: PayloadLayout,
    pub(crate) max_payload_bytes: usize,
    pub(crate) max_bundle_bytes: u64,
    pub(crate) max_compare_bytes: usize,
    pub(crate) sync_at_turn_end: bool,
    pub(crate) clock: Arc<dyn Fn() -> UnixMillis + Send + Sync>,
    pub(crate) ids: Arc<dyn Fn() -> String + Send + Sync>,
    pub(crate) redactor: Option<Redactor>,
    pub(crate) memory: Option<MemorySink>,
    pub(crate) observed: Option<Observed>,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self {
            schema: SchemaVersion::V2,
            layout: PayloadLayout::default(),
            max_payload_bytes: 256 << 20,
            max_bundle_bytes: 16 << 30,
            max_compare_bytes: 64 << 20,
            sync_at_turn_end: false,
            clock: Arc::new(wall_clock),
            ids: random_ids(),
            redactor: None,
            memory: None,
            observed: None,
        }
    }
}

impl TraceOptions {
    /// Returns the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how payload documents are stored. The default is packed.
    ///
    /// A recording has schema 2, which has no [`Shards`](PayloadLayout::Shards). If they are asked for, it is packed.
    pub fn layout(mut self, layout: PayloadLayout) -> Self {
        self.layout = match layout {
            PayloadLayout::Files => PayloadLayout::Files,
            PayloadLayout::Packed | PayloadLayout::Shards => PayloadLayout::Packed,
        };
        self
    }

    /// Records in schema 3, which Codex 0.171.0 reads; that release refuses schema 2. Payload documents are then stored in
    /// compressed shards, whichever layout is set.
    ///
    /// A request costs more than in the packed layout: it is serialized as a whole, and compressed while no other call can
    /// write. The compressor keeps the last 8 MiB. A document that is lost is marked as omitted.
    ///
    /// ```
    /// let options = rollout_trace_recorder::TraceOptions::new().schema_3();
    /// ```
    #[cfg(feature = "schema-3")]
    pub fn schema_3(mut self) -> Self {
        self.schema = SchemaVersion::V3;
        self
    }

    /// Sets the size above which a payload document is left out, with a mark in its place. The default is 256 MiB.
    pub fn max_payload_bytes(mut self, bytes: usize) -> Self {
        self.max_payload_bytes = bytes;
        self
    }

    /// Sets the size of the bundle above which payload documents are left out. Events are left out once the bundle
    /// exceeds that size by an eighth; only reports of what was lost and the end marker are still written then. The
    /// default is 16 GiB.
    pub fn max_bundle_bytes(mut self, bytes: u64) -> Self {
        self.max_bundle_bytes = bytes;
        self
    }

    /// Sets how much memory all threads of the rollout may keep to compare requests with. Beyond it a keyed fingerprint
    /// replaces each item, which is a little slower. The default is 64 MiB.
    pub fn max_compare_bytes(mut self, bytes: usize) -> Self {
        self.max_compare_bytes = bytes;
        self
    }

    /// Sets whether the end of a turn waits until the disk has everything. By default it does not: a process that is
    /// killed loses nothing either way, but a power cut may lose what the disk does not have.
    pub fn sync_at_turn_end(mut self, sync: bool) -> Self {
        self.sync_at_turn_end = sync;
        self
    }

    /// Sets the clock from which events get their wall time, in milliseconds since the Unix epoch.
    ///
    /// ```
    /// let options = rollout_trace_recorder::TraceOptions::new().clock(|| 1_795_221_181_536);
    /// ```
    pub fn clock(mut self, clock: impl Fn() -> UnixMillis + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets the source of the ids that the recorder mints. Each id must be new. The default makes random UUIDs.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// let next = AtomicU64::new(1);
    /// let ids = move || format!("id-{}", next.fetch_add(1, Ordering::Relaxed));
    /// let options = rollout_trace_recorder::TraceOptions::new().ids(ids);
    /// ```
    pub fn ids(mut self, ids: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.ids = Arc::new(ids);
        self
    }

    /// Sets what happens to every string before it is written for the first time.
    pub fn redactor(mut self, redactor: Redactor) -> Self {
        self.redactor = Some(redactor);
        self
    }

    /// Says what the recording program cannot observe. The default is that it observes everything that its events describe.
    ///
    /// ```
    /// use rollout_trace_recorder::{Observed, TraceOptions};
    ///
    /// // A program that sees requests and answers sees neither tools run nor agents spawn others.
    /// let observed = Observed { tools: Some(false), agents: Some(false), ..Observed::default() };
    /// let options = TraceOptions::new().observed(observed);
    /// ```
    pub fn observed(mut self, observed: Observed) -> Self {
        self.observed = Some(observed);
        self
    }

    /// Reads the clock, or the system's clock if that one panics.
    pub(crate) fn now(&self) -> UnixMillis {
        guarded("read the clock", || Ok((self.clock)())).unwrap_or_else(|_| wall_clock())
    }

    /// Mints an id, or a random one if the source of ids panics.
    pub(crate) fn mint(&self) -> String {
        guarded("mint an id", || Ok((self.ids)())).unwrap_or_else(|_| RandomIds::default().next())
    }

    /// Records into memory instead of a folder. The sink takes one bundle.
    ///
    /// ```
    /// use rollout_trace_recorder::{MemorySink, TraceOptions};
    ///
    /// let sink = MemorySink::new();
    /// let options = TraceOptions::new().memory_sink(&sink);
    /// ```
    pub fn memory_sink(mut self, sink: &MemorySink) -> Self {
        self.memory = Some(sink.clone());
        self
    }
}

impl fmt::Debug for TraceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceOptions")
            .field("schema", &self.schema)
            .field("layout", &self.layout)
            .field("max_payload_bytes", &self.max_payload_bytes)
            .field("max_bundle_bytes", &self.max_bundle_bytes)
            .field("max_compare_bytes", &self.max_compare_bytes)
            .field("sync_at_turn_end", &self.sync_at_turn_end)
            .field("redactor", &self.redactor)
            .finish_non_exhaustive()
    }
}

fn random_ids() -> Arc<dyn Fn() -> String + Send + Sync> {
    let ids = RandomIds::default();
    Arc::new(move || ids.next())
}

/// Returns the time of the system's wall clock, or 0 before 1970.
fn wall_clock() -> UnixMillis {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| UnixMillis::try_from(since.as_millis()).unwrap_or(UnixMillis::MAX))
}
