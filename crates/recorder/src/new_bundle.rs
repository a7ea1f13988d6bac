//! Creating the folder and the files of a bundle.

use std::{
    hash::{BuildHasher, RandomState},
    io,
    path::Path,
};

use rollout_trace_schema::{
    Manifest, Producer, RolloutId, SchemaVersion, ThreadId, TraceId,
    packed::{Checksums, FileHeader, PACK_FILE, PACK_ROOM},
};

use crate::{
    PayloadLayout, StartError, TraceOptions,
    shards::Shards,
    sink::{self, Appender, Sink},
};

/// How many names are tried for a bundle's folder if they are taken.
const MAX_NAME_TRIES: usize = 8;

/// A bundle that has its manifest and no events.
pub(crate) struct NewBundle {
    pub(crate) trace_id: TraceId,
    pub(crate) rollout_id: RolloutId,
    pub(crate) sink: Sink,
    pub(crate) log: Appender,
    pub(crate) pack: Option<Pack>,
    pub(crate) shards: Option<Shards>,
}

/// The pack of a new bundle.
#[derive(Debug)]
pub(crate) struct Pack {
    pub(crate) file: Appender,
    /// The checksums, which depend on the salt of this pack.
    pub(crate) checksums: Checksums,
}

impl NewBundle {
    /// Makes a bundle under `root`.
    pub(crate) fn create(root: &Path, root_thread_id: &ThreadId, options: &TraceOptions) -> Result<Self, StartError> {
        let rollout_id = RolloutId::new(root_thread_id.as_str());
        let is_sharded = options.schema == SchemaVersion::V3;
        // A shard is a file, too.
        let layout = if is_sharded { PayloadLayout::Files } else { options.layout };
        let is_packed = layout == PayloadLayout::Packed;
        let mut manifest = Manifest {
            schema_version: options.schema.number(),
            trace_id: TraceId::from(options.mint()),
            rollout_id: rollout_id.clone(),
            root_thread_id: root_thread_id.clone(),
            started_at_unix_ms: options.now(),
            raw_event_log: Manifest::RAW_EVENT_LOG.to_owned(),
            payloads_dir: Manifest::PAYLOADS_DIR.to_owned(),
            payload_layout: layout.manifest_name().map(str::to_owned),
            producer: Some(Producer {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            }),
            observed: options.observed.clone(),
            evidence: None,
            unknown: serde_json::Map::new(),
        };
        let mut tries = 1;
        let sink = loop {
            let folder = root.join(format!("trace-{}-{}", file_name(&manifest.trace_id), file_name(root_thread_id)));
            let sink = match &options.memory {
                Some(memory) => Sink::Memory(memory.store()),
                None => {
                    sink::make_trace_root(root).map_err(|source| StartError::Root { path: root.to_owned(), source })?;
                    Sink::in_folder(folder.clone())
                }
            };
            let text = serde_json::to_vec_pretty(&manifest).expect("a manifest has a JSON text");
            match sink.create(&text, layout) {
                Ok(()) => break sink,
                // Another session under the same root has minted the same ids.
                Err(source) if source.kind() == io::ErrorKind::AlreadyExists && tries < MAX_NAME_TRIES => {
                    tries += 1;
                    manifest.trace_id = TraceId::from(options.mint());
                }
                Err(source) => return Err(StartError::Bundle { path: folder, source }),
            }
        };
        let failed = |source| StartError::Bundle { path: root.to_owned(), source };
        let pack = is_packed.then(|| Pack::create(&sink, &rollout_id)).transpose().map_err(failed)?;
        let shards = is_sharded.then(Shards::begin).flatten();
        let log = sink.appender(Manifest::RAW_EVENT_LOG, 0).map_err(failed)?;
        Ok(Self { trace_id: manifest.trace_id, rollout_id, sink, log, pack, shards })
    }
}

impl Pack {
    fn create(sink: &Sink, rollout_id: &RolloutId) -> io::Result<Self> {
        let header = FileHeader::new(RandomState::new().hash_one(rollout_id));
        let mut file = sink.appender(PACK_FILE, PACK_ROOM)?;
        file.append(&header.encode())?;
        Ok(Self { file, checksums: header.checksums() })
    }
}

/// Returns a file name for an id.
fn file_name(id: &str) -> String {
    const MAX: usize = 96;
    let fit = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    id.chars().take(MAX).map(fit).collect()
}
