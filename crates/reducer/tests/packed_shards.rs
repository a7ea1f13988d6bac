//! Schema 3 reduces to the same graph whether its payloads are in shards or packed, and converting between the two loses
//! nothing.

mod support;

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use rollout_trace_bundle::{Bundle, PayloadLayout, convert};
use rollout_trace_schema::{shard_path, shards::ShardEncoder};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// How many documents a shard has.
const IN_A_SHARD: usize = 5;

/// Turns a bundle of files into one of schema 3, whose requests consist of parts and have prompts.
#[derive(Default)]
struct Sharded {
    /// The records of each shard, in their order.
    shards: Vec<Vec<(String, Vec<u8>)>>,
    /// The references that take the place of those of a payload.
    references: HashMap<String, Value>,
    parts: usize,
}

impl Sharded {
    /// Makes the bundle. If `cut` lines at its end are left out, the recording is not closed and its last shard not ended.
    fn of(files: &Path, cut: usize) -> TempDir {
        let target = tempfile::tempdir().expect("there is room for temporary files");
        let read = |name: &str| fs::read_to_string(files.join(name)).expect("the file is there");
        let mut manifest: Value = serde_json::from_str(&read("manifest.json")).expect("a manifest");
        manifest["schema_version"] = json!(3);
        fs::write(target.path().join("manifest.json"), manifest.to_string()).expect("there is room");
        let mut sharded = Self::default();
        let log = read("trace.jsonl");
        let lines: Vec<&str> = log.lines().collect();
        let mut out = String::new();
        for line in &lines[..lines.len() - cut] {
            let mut event: Value = serde_json::from_str(line).expect("an event");
            event["schema_version"] = json!(3);
            sharded.convert(files, &mut event);
            let payload = event["payload"].as_object_mut().expect("an event has a payload");
            if let Some(request) = payload.get("request_payload").filter(|_| payload["type"] == "inference_started") {
                let prompt = sharded.prompt(request.clone());
                payload.insert("prepared_prompt_payload".to_owned(), prompt);
            }
            out += &format!("{event}\n");
        }
        fs::write(target.path().join("trace.jsonl"), out).expect("there is room");
        sharded.write(target.path(), cut == 0);
        target
    }

    /// Replaces the references in a value.
    fn convert(&mut self, files: &Path, value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(|value| self.convert(files, value)),
            Value::Object(object) if object.contains_key("raw_payload_id") => *value = self.reference(files, object),
            Value::Object(object) => object.values_mut().for_each(|value| self.convert(files, value)),
            _ => {}
        }
    }

    fn reference(&mut self, files: &Path, reference: &Map<String, Value>) -> Value {
        let id = reference["raw_payload_id"].as_str().expect("an id");
        if let Some(known) = self.references.get(id) {
            return known.clone();
        }
        let kind = reference["kind"].clone();
        let path = reference["path"].as_str().expect("a path");
        let new = match fs::read(files.join(path)) {
            Ok(document) => match serde_json::from_slice(&document) {
                Ok(Value::Object(mut request)) if kind["type"] == "inference_request" => {
                    let items = match request.remove("input") {
                        Some(Value::Array(items)) => items,
                        _ => Vec::new(),
                    };
                    self.in_parts(id, &kind, &items, &Value::Object(request))
                }
                _ => self.add(id, &kind, document),
            },
            Err(_) => json!({ "raw_payload_id": id, "kind": kind, "shard": 1 }),
        };
        self.references.insert(id.to_owned(), new.clone());
        new
    }

    /// Adds a request whose items are parts.
    fn in_parts(&mut self, id: &str, kind: &Value, items: &[Value], rest: &Value) -> Value {
        let parts = items.iter().map(|item| {
            self.parts += 1;
            self.add(&format!("part {}", self.parts), &json!({ "type": "model_item" }), item.to_string().into_bytes())
        });
        let parts: Vec<Value> = parts.collect();
        let rest = rest.to_string();
        let rest = rest[1..].trim_end_matches('}');
        let end = if rest.is_empty() { "]}".to_owned() } else { format!("],{rest}}}") };
        let mut fragments = vec![r#"{"input":["#.to_owned()];
        fragments.extend(parts.iter().skip(1).map(|_| ",".to_owned()));
        match parts.is_empty() {
            true => fragments[0] += &end,
            false => fragments.push(end),
        }
        let document = if parts.is_empty() { fragments.remove(0) } else { json!(fragments).to_string() };
        let mut reference = self.add(id, kind, document.into_bytes());
        if !parts.is_empty() {
            reference["parts"] = json!(parts);
        }
        reference
    }

    /// Adds the prompt of a request, which is a copy of it, or an omitted one if the number of parts so far is a multiple of 3.
    fn prompt(&mut self, mut request: Value) -> Value {
        let id = format!("prompt of {}", request["raw_payload_id"]);
        let (shard, of) = (request["shard"].as_u64().expect("a shard"), request["raw_payload_id"].clone());
        let record = self.shards[shard as usize - 1].iter().find(|(id, _)| of == **id);
        let (document, kind) = (record.map(|(_, document)| document.clone()), json!({ "type": "prepared_prompt" }));
        let Some(document) = document.filter(|_| !self.parts.is_multiple_of(3)) else {
            let capture = json!({ "status": "omitted", "original_bytes": 7 });
            return json!({ "raw_payload_id": id, "kind": kind, "capture": capture });
        };
        let added = self.add(&id, &kind, document);
        request["raw_payload_id"] = added["raw_payload_id"].clone();
        request["shard"] = added["shard"].clone();
        request["kind"] = kind;
        request
    }

    fn add(&mut self, id: &str, kind: &Value, document: Vec<u8>) -> Value {
        if self.shards.last().is_none_or(|shard| shard.len() == IN_A_SHARD) {
            self.shards.push(Vec::new());
        }
        self.shards.last_mut().expect("pushed above").push((id.to_owned(), document));
        json!({ "raw_payload_id": id, "kind": kind, "shard": self.shards.len() })
    }

    fn write(&self, target: &Path, is_closed: bool) {
        fs::create_dir(target.join("payloads")).expect("there is room");
        let mut encoder = ShardEncoder::new().expect("a compressor");
        for (shard, records) in (1..).zip(&self.shards) {
            let mut bytes = Vec::new();
            encoder.begin(shard).expect("it compresses");
            for (id, document) in records {
                encoder.record(id, document, &mut bytes).expect("it compresses");
            }
            if is_closed || shard < self.shards.len() as u64 {
                encoder.end(&mut bytes);
            }
            fs::write(target.join(shard_path(shard)), bytes).expect("there is room");
        }
    }
}

/// Returns the files of a bundle. Those of shards are decompressed as far as they go.
fn files(folder: &Path) -> BTreeMap<String, (Vec<u8>, bool)> {
    let mut found = BTreeMap::new();
    for at in ["", "payloads"] {
        for entry in fs::read_dir(folder.join(at)).expect("the folder is there").flatten() {
            let path = entry.path();
            let name = format!("{at}/{}", entry.file_name().to_string_lossy());
            if path.extension().is_some_and(|end| end == "zst") {
                let (mut bytes, file) = (Vec::new(), fs::File::open(&path).expect("the shard is there"));
                let mut decoder = zstd::Decoder::new(file).expect("a decoder");
                let end = std::io::Read::read_to_end(&mut decoder, &mut bytes);
                found.insert(name, (bytes, end.is_ok()));
            } else if path.is_file() {
                found.insert(name, (fs::read(&path).expect("the file is there"), true));
            }
        }
    }
    found
}

fn check(name: &str, bundle: &Path) {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let (packed, back) = (folder.path().join("packed"), folder.path().join("back"));
    let open = |path: &Path| Bundle::open(path).expect("the bundle opens");
    let there = convert(&open(bundle), &packed, PayloadLayout::Packed).expect("there is room");
    let again = convert(&open(&packed), &back, PayloadLayout::Shards).expect("there is room");
    assert_eq!(there.losses, again.losses, "{name}");
    assert!(files(bundle) == files(&back), "{name}");
    assert!(!packed.join("payloads").exists() && !back.join("payloads.pack").exists(), "{name}");
    let graph = support::reduce(bundle);
    assert!(graph == support::reduce(&packed), "{name}");
    assert!(graph == support::reduce(&back), "{name}");
}

#[test]
fn scenarios() {
    for (name, text) in support::scenarios() {
        let files = support::scenario(&text);
        let bundle = Bundle::open(files.path()).expect("the bundle opens");
        if bundle.header().stated_schema == Some(3) {
            check(&name, files.path());
            continue;
        }
        check(&name, Sharded::of(files.path(), 0).path());
        check(&format!("{name}, not closed"), Sharded::of(files.path(), 3).path());
    }
}
