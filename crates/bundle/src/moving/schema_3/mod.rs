//! From schema 2 to schema 3.

mod documents;
mod log;
mod shard_folder;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io::Write,
    path::{Path, PathBuf},
};

use rollout_trace_schema::{
    EventPayload, Manifest, PayloadKind, PayloadRef, RawPayloadId, RuntimeCellId, SchemaVersion, ToolCallId,
    packed::PACK_FILE,
};

use self::{documents::Documents, log::Log, shard_folder::ShardFolder};
use super::{
    ConvertError, Converted, Loss,
    convert::refuse_inside,
    copy::{Entry, copy_file, walk},
    manifest_text,
    staging::{Staging, create_file, create_folders},
};
use crate::{Bundle, Evidence, PayloadPack, contained::ContainedFolder, manifest::load, packed::document_number};

/// The graphs beside a log, which are those of schema 2 and are not copied.
const GRAPHS: [&str; 2] = [Manifest::STATE, "rollout-trace.state.json"];

/// Writes a bundle of schema 2 as one of schema 3 to the new folder `target`, in the form that Codex 0.171.0 accepts.
///
/// `waits` says which code cell each tool call waits for. In schema 2 the arguments of the call say so, in schema 3 an event.
///
/// Events keep their order. Their `seq` changes where an event is added or left out. Ids stay as they are. A document that
/// Codex could not read is left out, and its references say so; Codex would refuse the whole bundle otherwise. Events that
/// schema 3 does not have are left out, and so are fields of events that no schema has, and reduced graphs. Everything that
/// the result lacks is reported as a loss, as is what was damaged.
///
/// # Errors
///
/// The bundle is not of schema 2; the result could not be written, and nothing is left of it; or something already exists at
/// `target`, which is untouched.
pub fn convert_to_schema_3(
    bundle: &Bundle,
    target: impl AsRef<Path>,
    waits: &BTreeMap<ToolCallId, RuntimeCellId>,
) -> Result<Converted, ConvertError> {
    let target = target.as_ref();
    let found = bundle.header().stated_schema;
    if found != Some(SchemaVersion::V2.number()) {
        return Err(ConvertError::NotSchema2 { path: bundle.path().to_owned(), found });
    }
    refuse_inside(bundle, target)?;
    let staging = Staging::new(target)?;
    let mut conversion = Conversion {
        bundle,
        source: bundle.files().clone(),
        folder: staging.path().to_owned(),
        done: Converted::default(),
    };
    conversion.run(waits)?;
    let Conversion { folder, done, .. } = conversion;
    staging.publish(&folder)?;
    Ok(done)
}

struct Conversion<'a> {
    bundle: &'a Bundle,
    source: ContainedFolder,
    /// The folder in which the result is built.
    folder: PathBuf,
    done: Converted,
}

impl Conversion<'_> {
    fn run(&mut self, waits: &BTreeMap<ToolCallId, RuntimeCellId>) -> Result<(), ConvertError> {
        let Survey { mut ids, identity } = Survey::of(self.bundle);
        let unnamed: Vec<PayloadRef> = self
            .copy_files()?
            .into_iter()
            .map(document)
            .filter(|unnamed| !ids.contains(&unnamed.raw_payload_id))
            .collect();
        ids.extend(unnamed.iter().map(|unnamed| unnamed.raw_payload_id.clone()));
        self.write_manifest(identity)?;
        let payloads = self.folder.join(Manifest::PAYLOADS_DIR);
        create_folders(&payloads).map_err(ConvertError::write(payloads))?;
        let mut documents = Documents::new(self.bundle.payloads(), ShardFolder::new(self.folder.clone()), ids);
        let mut log = Log::new(&self.folder, waits)?;
        for evidence in self.bundle.events() {
            match evidence {
                Evidence::Event(event) => log.convert(event, &mut documents, &mut self.done)?,
                Evidence::Problem(problem) => {
                    let line = problem.line().map(|line| format!("line {line}: ")).unwrap_or_default();
                    let path = Manifest::RAW_EVENT_LOG.to_owned();
                    self.done.losses.push(Loss { path, reason: format!("{line}{problem}") });
                }
            }
        }
        log.finish()?;
        for unnamed in &unnamed {
            documents.keep(unnamed, &mut self.done)?;
        }
        documents.finish()
    }

    /// Copies the files that are no part of a bundle of schema 3. Returns the numbers of the payloads.
    fn copy_files(&mut self) -> Result<BTreeSet<u64>, ConvertError> {
        let mut numbers = BTreeSet::new();
        if let Ok(mut pack) = PayloadPack::open_in(self.bundle.files().clone(), self.bundle.limits()) {
            numbers.extend(pack.numbers().unwrap_or_default());
        }
        let (mut files, mut shards) = (Vec::new(), Vec::new());
        walk(&mut self.source, "", &mut self.done.losses, &mut |path, entry| {
            let is_converted = [Manifest::FILE_NAME, Manifest::RAW_EVENT_LOG, PACK_FILE].contains(&path);
            match (entry, document_number(path)) {
                (Entry::File, Some(number)) => drop(numbers.insert(number)),
                (Entry::File, None) if is_converted || GRAPHS.contains(&path) => {}
                (Entry::File, None) if is_shard(path) => shards.push(path.to_owned()),
                (Entry::File, None) => files.push(path.to_owned()),
                (Entry::Folder, _) => {}
            }
            Ok(())
        })?;
        let reason = "it was left out, because a shard of the result may have its name";
        self.done.losses.extend(shards.into_iter().map(|path| Loss { path, reason: reason.to_owned() }));
        for path in files {
            copy_file(&mut self.source, &path, &self.folder, &mut self.done.losses)?;
        }
        Ok(numbers)
    }

    fn write_manifest(&mut self, identity: Option<Manifest>) -> Result<(), ConvertError> {
        let text = load(&mut self.source, self.bundle.limits()).ok();
        let text = text.filter(|text| serde_json::from_slice::<Manifest>(text).is_ok());
        let text = text.and_then(|text| manifest_text::as_schema_3(&text));
        let rebuilt = || identity.and_then(|identity| serde_json::to_vec_pretty(&identity).ok());
        let Some(text) = text.or_else(rebuilt) else {
            let reason = "it was left out, because neither it nor the event log names the rollout".to_owned();
            self.done.losses.push(Loss { path: Manifest::FILE_NAME.to_owned(), reason });
            return Ok(());
        };
        let path = self.folder.join(Manifest::FILE_NAME);
        let written = create_file(&path).and_then(|mut file| file.write_all(&text));
        written.map_err(ConvertError::write(path))
    }
}

/// What must be known before the first document is written.
struct Survey {
    /// The ids of all documents that events refer to.
    ids: HashSet<RawPayloadId>,
    /// A manifest as the log would have it.
    identity: Option<Manifest>,
}

impl Survey {
    fn of(bundle: &Bundle) -> Self {
        let header = bundle.header();
        let mut survey = Self { ids: HashSet::new(), identity: None };
        for evidence in bundle.events() {
            let Evidence::Event(located) = evidence else { continue };
            located.event.payload.for_each_payload_ref(|reference| {
                if !survey.ids.contains(&reference.raw_payload_id) {
                    survey.ids.insert(reference.raw_payload_id.clone());
                }
            });
            if let (EventPayload::RolloutStarted(started), None) = (&located.event.payload, &survey.identity) {
                survey.identity = Some(Manifest {
                    schema_version: SchemaVersion::V3.number(),
                    trace_id: header.trace_id.clone().unwrap_or_else(|| started.trace_id.clone()),
                    rollout_id: header.rollout_id.clone().unwrap_or_else(|| located.event.rollout_id.clone()),
                    root_thread_id: header.root_thread_id.clone().unwrap_or_else(|| started.root_thread_id.clone()),
                    started_at_unix_ms: header.started_at_unix_ms.unwrap_or(located.event.wall_time_unix_ms),
                    raw_event_log: Manifest::RAW_EVENT_LOG.to_owned(),
                    payloads_dir: Manifest::PAYLOADS_DIR.to_owned(),
                    payload_layout: None,
                    producer: None,
                    observed: header.observed.clone(),
                    evidence: header.evidence.clone(),
                    unknown: serde_json::Map::new(),
                });
            }
        }
        survey
    }
}

/// Returns whether a file has the place of a shard.
fn is_shard(path: &str) -> bool {
    let path = Path::new(path);
    path.starts_with(Manifest::PAYLOADS_DIR) && path.extension().is_some_and(|extension| extension == "zst")
}

/// Returns a reference to a document of which only the number is known.
fn document(number: u64) -> PayloadRef {
    let path = format!("{}/{number}.json", Manifest::PAYLOADS_DIR);
    PayloadRef::at_path(format!("raw_payload:{number}"), PayloadKind::ProtocolEvent, path)
}
