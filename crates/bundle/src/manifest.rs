//! Reading the manifest of a bundle that may be damaged.

use rollout_trace_schema::{Manifest, Observed, RolloutId, ThreadId, TraceId, UnixMillis, json_text::BYTE_ORDER_MARK};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Limits, PayloadError, Problem, contained::ContainedFolder, lenient_json, payload_files::read_exactly};

/// The readable part of a manifest.
#[derive(Debug, Default)]
pub(crate) struct ReadManifest {
    pub(crate) manifest: Option<Manifest>,
    pub(crate) schema_version: Option<u32>,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) rollout_id: Option<RolloutId>,
    pub(crate) root_thread_id: Option<ThreadId>,
    pub(crate) started_at_unix_ms: Option<UnixMillis>,
    pub(crate) observed: Option<Observed>,
    /// The layout that the manifest names: `Some(None)` if it names none, `None` if it cannot be read.
    pub(crate) payload_layout: Option<Option<String>>,
}

impl ReadManifest {
    /// Reads a bundle's manifest, and adds what is wrong with it to `problems`.
    pub(crate) fn read(folder: &mut ContainedFolder, limits: &Limits, problems: &mut Vec<Problem>) -> Self {
        let value = match load(folder, limits) {
            Ok(bytes) => parse(&bytes, limits),
            Err(PayloadError::Missing { .. }) => Err(Problem::ManifestMissing),
            Err(error) => Err(Problem::ManifestUnreadable { reason: error_text(&error) }),
        };
        let value = match value {
            Ok(value) => value,
            Err(problem) => {
                problems.push(problem);
                return Self::default();
            }
        };
        let mut field = Fields { value: &value, problems };
        let read = Self {
            manifest: None,
            schema_version: field.required("schema_version"),
            trace_id: field.required("trace_id"),
            rollout_id: field.required("rollout_id"),
            root_thread_id: field.required("root_thread_id"),
            started_at_unix_ms: field.required("started_at_unix_ms"),
            observed: field.optional("observed").flatten(),
            payload_layout: field.optional("payload_layout"),
        };
        field.required::<String>("raw_event_log");
        field.required::<String>("payloads_dir");
        // A fault in a field that Codex does not write is not a problem: the bundle can be read without it.
        Self { manifest: serde_json::from_value(value).ok(), ..read }
    }
}

/// Reads the manifest's bytes.
pub(crate) fn load(folder: &mut ContainedFolder, limits: &Limits) -> Result<Vec<u8>, PayloadError> {
    let (file, size) = folder.open(Manifest::FILE_NAME)?;
    let path = Manifest::FILE_NAME.to_owned();
    let limit = limits.max_line_bytes;
    let length = usize::try_from(size).ok().filter(|length| *length <= limit);
    let length = length.ok_or(PayloadError::TooLarge { path, bytes: size, limit })?;
    let mut bytes = Vec::new();
    let length = read_exactly(file, length, &mut bytes)
        .map_err(|source| PayloadError::Read { path: folder.path().join(Manifest::FILE_NAME), source })?
        .len();
    bytes.truncate(length);
    Ok(bytes)
}

fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, Problem> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let lenient = lenient_json::parse(bytes, limits.max_nesting)
        .map_err(|error| Problem::ManifestUnreadable { reason: error.to_string() })?;
    if lenient.value.is_object() {
        Ok(lenient.value)
    } else {
        Err(Problem::ManifestUnreadable { reason: "it is JSON, but not an object".into() })
    }
}

/// Returns an error and its cause in one line.
pub(crate) fn error_text(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

struct Fields<'a> {
    value: &'a Value,
    problems: &'a mut Vec<Problem>,
}

impl Fields<'_> {
    fn required<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let reason = match self.value.get(name) {
            None => format!("{name} is missing"),
            Some(value) => match T::deserialize(value) {
                Ok(field) => return Some(field),
                Err(error) => format!("{name}: {error}"),
            },
        };
        self.problems.push(Problem::ManifestField { reason });
        None
    }

    /// Returns `Some(None)` if the field is absent, and `None` if its value is not as it should be.
    fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Option<Option<T>> {
        match self.value.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(_) => self.required(name).map(Some),
        }
    }
}
