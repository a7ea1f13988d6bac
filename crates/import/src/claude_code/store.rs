//! Where Claude Code keeps the files of a session.

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use rollout_trace_bundle::PayloadError;
use rollout_trace_schema::{ThreadId, UnixMillis};

use crate::{
    Limits,
    lines::{Line, Lines},
    object::Object,
    sources,
    spawn::slug,
    time,
    writer::ROOT_PATH,
};

/// The folder with the outputs of tools that were set aside.
const OUTPUTS: &str = "tool-results";

/// The folder with the transcripts of agents.
const AGENTS: &str = "subagents";

/// How deep the folders below it are at most.
const DEPTH: usize = 4;

/// The folder of a session, beside its main transcript. It need not exist.
#[derive(Clone, Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

/// An agent with a transcript of its own.
#[derive(Clone, Debug)]
pub(super) struct Agent {
    pub(super) thread: ThreadId,
    pub(super) parent: ThreadId,
    pub(super) path: PathBuf,
    pub(super) role: Option<String>,
    pub(super) description: Option<String>,
    /// The call that started it.
    pub(super) call_id: Option<String>,
    pub(super) agent_path: String,
    pub(super) depth: i64,
}

/// What the beginning of a transcript says, and how far it is a copy.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) session: String,
    pub(super) version: Option<String>,
    pub(super) cwd: Option<String>,
    pub(super) started_at: Option<UnixMillis>,
    /// The last line with an answer that another session got.
    pub(super) copied_through: u64,
    /// That session.
    pub(super) copied_from: Vec<String>,
}

impl Store {
    pub(super) fn of(transcript: &Path) -> Self {
        Self { folder: transcript.with_extension("") }
    }

    /// Returns the agents of the session, in the order of their files.
    pub(super) fn agents(&self, root: &ThreadId, limits: Limits) -> Vec<Agent> {
        let mut agents = Vec::new();
        collect(&self.folder.join(AGENTS), DEPTH, &mut agents);
        let mut known = HashSet::from([root.clone()]);
        agents.retain(|agent: &Agent| known.insert(agent.thread.clone()));
        let callers = callers(&agents, limits);
        let mut paths: HashMap<ThreadId, String> = HashMap::from([(root.clone(), ROOT_PATH.to_owned())]);
        let mut used: HashMap<String, usize> = HashMap::new();
        let mut order: Vec<usize> = (0..agents.len()).collect();
        order.sort_by_key(|place| agents[*place].depth);
        for place in order {
            let agent = &mut agents[place];
            let caller = agent.call_id.as_ref().and_then(|call| callers.get(call));
            agent.parent = caller.filter(|caller| paths.contains_key(*caller)).unwrap_or(root).clone();
            let name = agent.description.as_deref().map_or_else(|| agent.thread.to_string(), slug);
            let base = format!("{}/{name}", paths[&agent.parent]);
            let same = used.entry(base.clone()).or_default();
            *same += 1;
            agent.agent_path = if *same == 1 { base } else { format!("{base}_{same}") };
            paths.insert(agent.thread.clone(), agent.agent_path.clone());
        }
        agents
    }

    /// Returns where the output of a tool is that was set aside.
    pub(super) fn path_of_output(&self, name: &str) -> PathBuf {
        self.folder.join(OUTPUTS).join(name)
    }

    /// Opens the file with the output of a tool by its name.
    pub(super) fn output(&self, name: &str) -> Result<impl Read + use<>, PayloadError> {
        sources::open(&self.path_of_output(name))
    }
}

fn collect(folder: &Path, depth: usize, agents: &mut Vec<Agent>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 {
            collect(&entry.path(), depth - 1, agents);
        } else if kind.is_file() {
            agents.extend(agent(entry.path()));
        }
    }
}

/// Returns the agents that made the calls which started agents, by the calls. Those of the main transcript are not among
/// them, and so it need not be read.
fn callers(agents: &[Agent], limits: Limits) -> HashMap<String, ThreadId> {
    let nested = agents.iter().filter(|agent| agent.depth > 1).filter_map(|agent| agent.call_id.as_deref());
    let nested: HashSet<&str> = nested.collect();
    let mut callers = HashMap::new();
    if nested.is_empty() {
        return callers;
    }
    for agent in agents {
        let Ok(lines) = sources::open(&agent.path).and_then(|file| {
            let error = |source| PayloadError::Read { path: agent.path.clone(), source };
            Lines::new(file, limits).map_err(error)
        }) else {
            continue;
        };
        for line in lines {
            let Line::Text { text, .. } = line else { continue };
            if memchr::memmem::find(text.as_bytes(), b"\"tool_use\"").is_none() {
                continue;
            }
            let message = Object::parse(&text).and_then(|record| Some(record.object("message")?.into_owned()));
            let content = message.as_ref().and_then(|message| message.list("content")).unwrap_or_default();
            for block in content.into_iter().filter_map(Object::of) {
                let is_call = block.text("type").as_deref() == Some("tool_use");
                if let Some(call) = block.text("id").filter(|id| is_call && nested.contains(id.as_str())) {
                    callers.entry(call).or_insert_with(|| agent.thread.clone());
                }
            }
        }
    }
    callers
}

fn agent(path: PathBuf) -> Option<Agent> {
    /// No description of an agent is longer.
    const MAX_META: u64 = 1 << 20;
    let name = path.file_name()?.to_str()?.strip_prefix("agent-")?.strip_suffix(".jsonl")?.to_owned();
    let mut text = String::new();
    if let Ok(meta) = sources::open(&path.with_file_name(format!("agent-{name}.meta.json"))) {
        // Without it, the agent has no description.
        let _ = meta.take(MAX_META).read_to_string(&mut text);
    }
    let meta = Object::parse(text.trim()).unwrap_or_default();
    let thread = ThreadId::from(name);
    Some(Agent {
        parent: thread.clone(),
        role: meta.text("agentType"),
        description: meta.text("description"),
        call_id: meta.text("toolUseId"),
        agent_path: String::new(),
        depth: meta.int("spawnDepth").unwrap_or(1),
        path,
        thread,
    })
}

impl Head {
    /// Looks through a transcript for what it says about itself.
    pub(super) fn read(path: &Path, limits: Limits) -> Result<Self, PayloadError> {
        let file = sources::open(path)?;
        let error = |source| PayloadError::Read { path: path.to_owned(), source };
        let stem = path.file_stem().map_or_else(|| "session".to_owned(), |stem| stem.to_string_lossy().into_owned());
        let mut head = Self {
            session: String::new(),
            version: None,
            cwd: None,
            started_at: None,
            copied_through: 0,
            copied_from: Vec::new(),
        };
        for line in Lines::new(file, limits).map_err(error)? {
            let Line::Text { number, text, .. } = line else { continue };
            let is_head = head.version.is_none() || head.started_at.is_none();
            if !is_head && memchr::memmem::find(text.as_bytes(), b"\"requestSessionId\"").is_none() {
                continue;
            }
            let Some(record) = Object::parse(&text) else { continue };
            let session = record.text("sessionId");
            if head.session.is_empty() {
                head.session = session.clone().unwrap_or_default();
            }
            head.version = head.version.or_else(|| record.text("version"));
            head.cwd = head.cwd.or_else(|| record.text("cwd"));
            let time = || time::parse(&record.text("timestamp")?);
            head.started_at = head.started_at.or_else(time);
            if let Some(other) = record.text("requestSessionId").filter(|other| session.as_ref() != Some(other)) {
                head.copied_through = number;
                if !head.copied_from.contains(&other) {
                    head.copied_from.push(other);
                }
            }
        }
        if head.session.is_empty() {
            head.session = stem;
        }
        Ok(head)
    }
}
