//! Finding sessions in the stores of their programs.

use std::{
    env, fs,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rollout_trace_schema::UnixMillis;
use serde_json::Value;

use crate::{
    Format,
    codex::{Header, thread_spawn},
    detect::{self, detect},
    object::Object,
    opencode::{self, store_of},
    sources, time,
};

/// How deep the folders of a store are: Codex keeps its files under a year, a month and a day.
const DEPTH: usize = 5;

/// How much of the end of a file is looked at for its last time.
const TAIL_BYTES: u64 = 8 << 10;

/// The most characters that a prompt is given with.
const PROMPT_CHARS: usize = 200;

/// A session that was found, but not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSession {
    /// The file of the session's first thread, or its place in a store: `opencode.db#ID`.
    pub path: PathBuf,
    /// The format of the file.
    pub format: Format,
    /// When the file was last written; of a session in a store, when the session was.
    pub modified: SystemTime,
    /// What a store says about the session.
    known: Option<SessionOutline>,
}

/// What the beginning and the end of a session's file say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionOutline {
    /// The session's id.
    pub session: String,
    /// The program, with its version if the file says it.
    pub agent: String,
    /// When the session began.
    pub started_at_unix_ms: Option<UnixMillis>,
    /// The last time in the file.
    pub last_at_unix_ms: Option<UnixMillis>,
    /// The folder in which the agent worked.
    pub cwd: Option<String>,
    /// The model that was asked first.
    pub model: Option<String>,
    /// How the first prompt of a person begins.
    pub prompt: Option<String>,
}

/// Returns the stores of this user's programs that exist, the places that the environment names first.
pub fn session_stores() -> Vec<PathBuf> {
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let home = |path: &str| folder("HOME").or_else(|| folder("USERPROFILE")).map(|home| home.join(path));
    let candidates = [
        folder("CODEX_HOME").or_else(|| home(".codex")).map(|folder| folder.join("sessions")),
        folder("CLAUDE_CONFIG_DIR").map(|folder| folder.join("projects")),
        home(".claude/projects"),
        home(".config/claude/projects"),
        home(".pi/agent/sessions"),
        home(".gemini/tmp"),
        folder("XDG_DATA_HOME").or_else(|| home(".local/share")).map(|folder| folder.join("opencode/opencode.db")),
    ];
    let mut stores: Vec<PathBuf> = Vec::new();
    for store in candidates.into_iter().flatten().filter(|store| store.exists()) {
        if !stores.contains(&store) {
            stores.push(store);
        }
    }
    stores
}

/// Finds the sessions in a store, which is a file or a folder, or in any folder of one: the files of first threads, but not
/// those of agents that another session started. Returns the one that was written last first. Links are not followed.
pub fn find_sessions(folder: &Path) -> Vec<FoundSession> {
    if store_of(folder).is_some() {
        return sorted(in_store(folder));
    }
    // The folder of a session is beside the session's file.
    let beside = folder.with_extension("jsonl");
    if folder.extension().is_none()
        && let Some(session) = session_at(&beside)
    {
        return vec![session];
    }
    let mut found = Vec::new();
    collect(folder, DEPTH, &mut found);
    sorted(found)
}

fn sorted(mut found: Vec<FoundSession>) -> Vec<FoundSession> {
    found.sort_by(|left, right| (right.modified, &left.path).cmp(&(left.modified, &right.path)));
    found
}

/// Returns the sessions of a store that is one file, or the one at a place in it.
fn in_store(path: &Path) -> Vec<FoundSession> {
    let store = store_of(path).unwrap_or_else(|| path.to_owned());
    let found = |outline: SessionOutline| {
        let last = outline.last_at_unix_ms.and_then(|time| u64::try_from(time).ok()).unwrap_or_default();
        FoundSession {
            path: opencode::within(&store, &outline.session),
            format: Format::OpenCode,
            modified: SystemTime::UNIX_EPOCH + Duration::from_millis(last),
            known: Some(outline),
        }
    };
    opencode::sessions(path).into_iter().map(found).collect()
}

/// Returns the session whose file this is, or the one at a place in a store. Returns `None` if it is not the file of a
/// session's first thread, or a store with several sessions.
pub fn session_at(path: &Path) -> Option<FoundSession> {
    if store_of(path).is_some() {
        let mut found = in_store(path);
        return if found.len() == 1 { found.pop() } else { None };
    }
    let metadata = path.metadata().ok().filter(fs::Metadata::is_file)?;
    let format = detect(path)?;
    Some(FoundSession {
        path: path.to_owned(),
        format,
        modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        known: None,
    })
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<FoundSession>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (Ok(kind), path) = (entry.file_type(), entry.path()) else { continue };
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if kind.is_dir() && depth > 0 {
            collect(&path, depth - 1, found);
        }
        if kind.is_file() && name.ends_with(".db") {
            found.extend(in_store(&path));
        }
        // Older versions of Gemini CLI write one object.
        let is_session = name.ends_with(".jsonl")
            || name.ends_with(".jsonl.zst") && !path.with_extension("").exists()
            || name.starts_with("session-") && name.ends_with(".json");
        let is_named_like_agent = name.starts_with("agent-");
        if kind.is_file() && is_session && !is_named_like_agent {
            found.extend(session_at(&path).filter(|session| !is_of_agent(session)));
        }
    }
}

/// Returns whether a file is that of an agent which another session started.
fn is_of_agent(session: &FoundSession) -> bool {
    match session.format {
        Format::Codex => Header::read(&session.path).metadata.get("session_source").and_then(thread_spawn).is_some(),
        Format::Gemini => {
            let kind = detect::head(&session.path).first().and_then(|head| Object::parse(head)?.text("kind"));
            kind.is_some_and(|kind| kind != "main")
        }
        Format::ClaudeCode | Format::Pi | Format::OpenCode => false,
    }
}

impl FoundSession {
    /// Reads what the beginning and the end of the file say.
    pub fn outline(&self) -> SessionOutline {
        if let Some(known) = &self.known {
            return known.clone();
        }
        let head = detect::head(&self.path);
        let mut outline = SessionOutline { agent: self.format.producer().to_owned(), ..SessionOutline::default() };
        if self.format == Format::Codex {
            let header = Header::read(&self.path);
            outline.session = header.thread.to_string();
            outline.agent = with_version(self.format, header.version.as_deref());
            outline.started_at_unix_ms = header.started_at;
            outline.cwd = header.metadata.get("cwd").and_then(Value::as_str).map(str::to_owned);
        }
        for record in head.iter().filter_map(|text| serde_json::from_str::<Value>(text).ok()) {
            outline.add(self.format, &record);
        }
        outline.last_at_unix_ms = self.last_time().or(outline.started_at_unix_ms);
        outline
    }

    /// Returns the last time in the file.
    fn last_time(&self) -> Option<UnixMillis> {
        let mut file = sources::open(&self.path).ok()?;
        let len = file.byte_len().ok()?;
        file.seek(SeekFrom::Start(len.saturating_sub(TAIL_BYTES))).ok()?;
        let mut tail = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut tail).ok()?;
        let tail = String::from_utf8_lossy(&tail);
        let times = tail.lines().rev().filter_map(|line| Object::parse(line)?.text("timestamp"));
        times.filter_map(|text| time::parse(&text)).next()
    }
}

impl SessionOutline {
    fn add(&mut self, format: Format, record: &Value) {
        let text = |path: &str| record.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let first = |known: &mut Option<String>, found: Option<String>| *known = known.take().or(found);
        if self.session.is_empty() {
            self.session = text("/sessionId").or_else(|| text("/id")).unwrap_or_default();
        }
        let time = || time::parse(&text("/timestamp").or_else(|| text("/startTime"))?);
        self.started_at_unix_ms = self.started_at_unix_ms.or_else(time);
        first(&mut self.cwd, text("/cwd"));
        first(&mut self.model, text("/payload/model").or_else(|| text("/message/model")).or_else(|| text("/model")));
        if format == Format::ClaudeCode
            && let Some(version) = text("/version")
        {
            self.agent = with_version(format, Some(&version));
        }
        let body = record.get("payload").or_else(|| record.get("message")).unwrap_or(record);
        let is_user = body.get("role").and_then(Value::as_str) == Some("user")
            || record.get("type").and_then(Value::as_str) == Some("user");
        let is_meta = record.get("isMeta") == Some(&Value::Bool(true));
        if is_user && !is_meta && self.prompt.is_none() {
            let content = body.get("content");
            let prompt = content.and_then(Value::as_str).or_else(|| content?.get(0)?.get("text")?.as_str());
            // What begins with a tag is the harness's.
            self.prompt = prompt
                .filter(|prompt| !prompt.starts_with('<'))
                .map(|prompt| prompt.chars().take(PROMPT_CHARS).collect());
        }
    }
}

fn with_version(format: Format, version: Option<&str>) -> String {
    match version {
        Some(version) => format!("{} {version}", format.producer()),
        None => format.producer().to_owned(),
    }
}
