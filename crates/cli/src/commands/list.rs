//! The command `list`.

use std::path::{Path, PathBuf};

use rollout_trace::{
    Limits,
    answers::{Regex, duration, first_chars, pattern},
    import::{find_sessions, session_stores, store_of},
    outline::{Index, Outline, Outliner},
    schema::{UnixMillis, visible::visible_line},
    walk_bundles,
};
use serde::Serialize;

use crate::{
    args::ListArgs,
    failure::{Failure, Verdict},
    local_time::local_minute,
    output::Output,
    progress,
    state_file::StateAge,
};

const HEADINGS: [&str; 9] = ["ID", "START", "TOOK", "STATUS", "AGENT", "MODEL", "FOLDER", "PROMPT", "BUNDLE"];
const PROMPT: usize = 7;
const BUNDLE: usize = 8;
/// The columns that a narrow terminal lacks, in the order in which they are left out. Each bundle still has its id.
const DISPENSABLE: [usize; 4] = [BUNDLE, 4, 6, 5];
const GAP: &str = "  ";
/// The most characters of a cell with text from a bundle.
const WIDEST: usize = 24;
/// The most characters of a prompt, and the least that is worth a column.
const PROMPT_WIDTHS: (usize, usize) = (60, 16);
/// The least characters of an id, which is as long as it takes to be that of one bundle only.
const SHORTEST_ID: usize = 8;

/// A bundle in the list.
#[derive(Debug)]
struct Listed {
    path: PathBuf,
    outline: Outline,
}

/// A bundle as a line of JSON.
#[derive(Serialize)]
struct Record<'a> {
    bundle: &'a str,
    rollout_id: Option<&'a str>,
    schema_version: Option<u32>,
    started_at_unix_ms: Option<UnixMillis>,
    duration_ms: Option<u64>,
    status: Option<&'a str>,
    damaged: bool,
    agent: Option<&'a str>,
    model: Option<&'a str>,
    cwd: Option<&'a str>,
    prompt: Option<&'a str>,
    /// Null for sessions, which are not read to their ends.
    agents: Option<u64>,
    turns: Option<u64>,
    /// How old the graph is that `reduce` wrote.
    state: &'static str,
}

pub(crate) fn run(args: &ListArgs, limits: Limits, output: &mut Output) -> Result<Verdict, Failure> {
    let pattern = args.grep.as_deref().map(pattern).transpose()?;
    let (mut listed, verdict, places) = match args.root.as_deref() {
        Some(root) => {
            let found = if store_of(root).is_some() { Ok(Vec::new()) } else { walk_bundles(root) };
            let found = found
                .map_err(|error| Failure::io("cannot list", root, &error, "check the path and its permissions"))?;
            let place = root.display().to_string();
            if found.is_empty() {
                (read_sessions(root), Verdict::Clean, place)
            } else {
                let (listed, verdict) = read(root, found, limits, output)?;
                (listed, verdict, place)
            }
        }
        None => {
            let stores = session_stores();
            if stores.is_empty() {
                return Err(Failure::new(
                    "no trace root is given, and no agent of this user has sessions",
                    "give the folder, or set CODEX_ROLLOUT_TRACE_ROOT to the folder that the agent writes to",
                ));
            }
            let places: Vec<_> = stores.iter().map(|store| store.display().to_string()).collect();
            (stores.iter().flat_map(|store| read_sessions(store)).collect(), Verdict::Clean, places.join(", "))
        }
    };
    if listed.is_empty() {
        output.say(format_args!("no trace bundle in {places}"));
        return Ok(verdict);
    }
    let count = listed.len();
    listed.retain(|bundle| is_wanted(bundle, args, pattern.as_ref()));
    listed.sort_by(|left, right| {
        let key = |bundle: &Listed| std::cmp::Reverse(bundle.outline.started_at_unix_ms);
        (key(left), &left.path).cmp(&(key(right), &right.path))
    });
    listed.truncate(args.limit.unwrap_or(usize::MAX));
    if args.json {
        listed.iter().try_for_each(|bundle| print_json(bundle, output))?;
    } else if listed.is_empty() {
        output.say(format_args!("none of {count} bundles in {places} fits"));
    } else {
        print(&listed, output)?;
    }
    Ok(verdict)
}

/// Reads the outlines of the sessions in a store, from the beginnings and ends of their files, or finds them in the index.
fn read_sessions(root: &Path) -> Vec<Listed> {
    let mut index = Index::of(root);
    let mut listed = Vec::new();
    for session in find_sessions(root) {
        let outline = index.session(&session);
        listed.push(Listed { path: session.path, outline });
    }
    index.save();
    listed
}

/// Reads the outlines of bundles, or finds them in the index.
fn read(
    root: &Path,
    found: Vec<PathBuf>,
    limits: Limits,
    output: &mut Output,
) -> Result<(Vec<Listed>, Verdict), Failure> {
    // A root that is a bundle itself has no index.
    let is_bundle = found.first().is_some_and(|first| first == root);
    let mut index = if is_bundle { Index::default() } else { Index::of(root) };
    let progress = progress::of_bundles(found.len());
    let mut outliner = Outliner::default();
    let mut listed = Vec::with_capacity(found.len());
    let mut verdict = Verdict::Clean;
    for path in found {
        progress.inc(1);
        match index.bundle(&path, &mut outliner, limits).map_err(Failure::from) {
            Ok(outline) => listed.push(Listed { path, outline }),
            Err(Failure::Message(failure)) => {
                progress.suspend(|| output.say_all(failure));
                verdict = Verdict::Unreadable;
            }
            Err(failure) => return Err(failure),
        }
    }
    progress.finish_and_clear();
    index.save();
    Ok((listed, verdict))
}

fn is_wanted(bundle: &Listed, args: &ListArgs, pattern: Option<&Regex>) -> bool {
    let outline = &bundle.outline;
    let has = |text: &Option<String>, wanted: &Option<String>| {
        wanted.as_ref().is_none_or(|wanted| text.as_ref().is_some_and(|text| text.contains(wanted)))
    };
    let status = args.status.as_deref();
    let started = outline.started_at_unix_ms;
    status.is_none_or(|status| outline.status == status || status == "damaged" && outline.damaged)
        && has(&outline.agent, &args.agent)
        && has(&outline.model, &args.model)
        && has(&outline.cwd, &args.cwd)
        && args.since.is_none_or(|since| started.is_some_and(|started| started >= since.0))
        && args.until.is_none_or(|until| started.is_some_and(|started| started < until.0))
        && pattern.is_none_or(|pattern| outline.prompt.as_ref().is_some_and(|prompt| pattern.is_match(prompt)))
}

fn print_json(bundle: &Listed, output: &mut Output) -> Result<(), Failure> {
    let Listed { path, outline } = bundle;
    let record = Record {
        bundle: &path.to_string_lossy(),
        rollout_id: outline.rollout_id.as_deref(),
        schema_version: outline.schema_version,
        started_at_unix_ms: outline.started_at_unix_ms,
        duration_ms: outline.duration_ms,
        status: Some(outline.status.as_str()).filter(|_| !outline.is_newer && !outline.is_session),
        damaged: outline.damaged,
        agent: outline.agent.as_deref(),
        model: outline.model.as_deref(),
        cwd: outline.cwd.as_deref(),
        prompt: outline.prompt.as_deref(),
        agents: Some(outline.agents).filter(|_| !outline.is_session),
        turns: Some(outline.turns).filter(|_| !outline.is_session),
        state: match StateAge::of(path) {
            StateAge::None => "none",
            StateAge::Current => "current",
            StateAge::Stale => "stale",
        },
    };
    let line = serde_json::to_string(&record).expect("the keys of a record are strings");
    output.json(|stdout| writeln!(stdout, "{line}"))
}

fn print(listed: &[Listed], output: &mut Output) -> Result<(), Failure> {
    let ids = shortest_ids(listed);
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(listed.iter().zip(ids).map(|(bundle, id)| cells(bundle, id)));
    // Escaped here, before the widths of the columns are known.
    let escaped = rows.iter().map(|row| row.each_ref().map(|cell| visible_line(cell).into_owned()));
    let mut rows: Vec<[String; HEADINGS.len()]> = escaped.collect();
    let width = |rows: &[[String; HEADINGS.len()]], column: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let mut columns: Vec<usize> = (0..HEADINGS.len()).collect();
    if let Some(room) = output.columns() {
        let others = |columns: &[usize]| {
            let others = columns.iter().filter(|column| **column != PROMPT);
            others.map(|column| width(&rows, *column) + GAP.len()).sum::<usize>()
        };
        let mut dispensable = DISPENSABLE.into_iter();
        while others(&columns) + PROMPT_WIDTHS.0.min(width(&rows, PROMPT)) > room
            && (columns.contains(&BUNDLE) || others(&columns) + PROMPT_WIDTHS.1 > room)
            && let Some(dropped) = dispensable.next()
        {
            columns.retain(|column| *column != dropped);
        }
        // With room for the mark of what is cut.
        let prompt = room.saturating_sub(others(&columns)).max(PROMPT_WIDTHS.1) - 1;
        rows.iter_mut().for_each(|row| row[PROMPT] = first_chars(&row[PROMPT], prompt));
    }
    let columns: Vec<_> = columns.into_iter().map(|column| (column, width(&rows, column))).collect();
    for row in &rows {
        let cells = columns.iter().map(|&(column, width)| match HEADINGS[column] {
            "TOOK" => format!("{:>width$}", row[column]),
            _ => format!("{:width$}", row[column]),
        });
        output.line(cells.collect::<Vec<_>>().join(GAP).trim_end())?;
    }
    Ok(())
}

fn cells(bundle: &Listed, id: String) -> [String; HEADINGS.len()] {
    let outline = &bundle.outline;
    let cell = |text: &Option<String>| text.as_ref().map_or("-".to_owned(), |text| first_chars(text, WIDEST));
    let status = match outline.schema_version {
        Some(version) if outline.is_newer => format!("unknown schema {version}"),
        _ if outline.is_session => "session".to_owned(),
        _ => format!("{}{}", outline.status, if outline.damaged { ", damaged" } else { "" }),
    };
    [
        id,
        outline.started_at_unix_ms.map_or("-".to_owned(), local_minute),
        outline.duration_ms.map_or("-".to_owned(), duration),
        status,
        cell(&outline.agent),
        cell(&outline.model),
        outline.cwd.as_deref().map_or("-".to_owned(), folder),
        outline.prompt.as_ref().map_or("-".to_owned(), |prompt| first_chars(prompt, PROMPT_WIDTHS.0)),
        bundle.path.display().to_string(),
    ]
}

/// Returns the end of a path, which says most.
fn folder(path: &str) -> String {
    let count = path.chars().count();
    if count <= WIDEST {
        return path.to_owned();
    }
    let end: String = path.chars().skip(count - WIDEST + 1).collect();
    format!("…{}", end.find('/').map_or(end.as_str(), |at| &end[at..]))
}

/// Returns for each bundle the beginning of its rollout's id that no other bundle in the list has.
fn shortest_ids(listed: &[Listed]) -> Vec<String> {
    let mut sorted: Vec<&str> = listed.iter().filter_map(|bundle| bundle.outline.rollout_id.as_deref()).collect();
    sorted.sort_unstable();
    let common = |left: &str, right: &str| left.chars().zip(right.chars()).take_while(|(l, r)| l == r).count();
    let shortest = |id: &str| {
        let at = sorted.partition_point(|other| *other < id);
        let before = at.checked_sub(1).map_or(0, |before| common(sorted[before], id));
        let after = sorted.get(at + 1).map_or(0, |after| common(after, id));
        id.chars().take((before.max(after) + 1).max(SHORTEST_ID)).collect()
    };
    listed.iter().map(|bundle| bundle.outline.rollout_id.as_deref().map_or("-".to_owned(), shortest)).collect()
}
