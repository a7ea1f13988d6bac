//! A page as one file, with its data in it.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use rollout_trace::{
    Bundle, OpenError,
    answers::{ContextDiff, Unseen, shell_word},
};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::{
    Causes, Events, Items, Kind, Labels, LeftOut, Overview, RequestChanges, Review, Rollouts, Spans, Text, Texts,
    Thing,
    assets::{SCRIPT, STYLE},
    columns::PayloadName,
    desk::{Desk, with_desk},
    rollouts::of_bundle,
    texts::Wanted,
};

/// The most events that a file holds. Of a longer log, a file would be slower to open than the server.
const MOST_EVENTS: usize = 100_000;
/// The most bytes of each part of a text.
const MOST_TEXT: usize = 1 << 20;
/// The most bytes of all texts together.
const MOST_TEXTS: usize = 64 << 20;
/// The most requests for which a file holds what changed, in full.
const MOST_DIFFS: usize = 2000;

/// What a file holds besides what it always does.
#[derive(Clone, Debug, Default)]
pub struct FileOptions {
    /// How many raw payloads, the first ones first.
    pub payloads: usize,
    /// A selector of what is shown first.
    pub at: Option<String>,
}

/// Why no file was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The bundle cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file cannot be written.
    #[error("cannot write the page")]
    Write(#[from] io::Error),
}

/// Writes a rollout as one HTML file that needs no server and no network. Returns what the file lacks.
///
/// # Errors
///
/// The bundle cannot be opened, or the file cannot be written.
pub fn write_file(path: &Path, options: &FileOptions, output: &mut dyn Write) -> Result<Vec<LeftOut>, FileError> {
    let bundle = Bundle::open(path)?;
    let command_path = shell_word(&path.to_string_lossy());
    Ok(with_desk(&bundle, false, |desk| {
        let mut page = Page { desk, command_path, left_out: Vec::new(), output };
        page.write(options).map(|()| page.left_out)
    })?)
}

/// A page that is being written.
struct Page<'p, 'r, 'a> {
    desk: &'p Desk<'r, 'a>,
    command_path: String,
    left_out: Vec<LeftOut>,
    output: &'p mut dyn Write,
}

impl Page<'_, '_, '_> {
    /// What is seen first comes first, then the script, which shows it while the rest is still read.
    fn write(&mut self, options: &FileOptions) -> io::Result<()> {
        let view = &self.desk.view;
        let script = inline_script();
        self.output.write_all(head(&script).as_bytes())?;
        self.data("rollouts", &self.rollouts(options))?;
        self.data("overview", &self.overview())?;
        self.data("spans", &Spans::of(view))?;
        writeln!(self.output, "<script>{script}</script>")?;
        self.data("items", &Items::of(view, 0..u32::MAX))?;
        self.data("labels", &Labels::of(view, 0..u32::MAX))?;
        self.data("review", &Review::of(view))?;
        self.data("changes", &RequestChanges::of(view))?;
        self.data("causes", &Causes::of(view))?;
        let texts = self.texts();
        self.data("texts", &texts)?;
        let answers = self.answers()?;
        self.data("answers", &answers)?;
        let events = self.events();
        self.data("events", &events)?;
        let payloads = self.payloads(options.payloads);
        self.data("payloads", &payloads)?;
        self.leave_out("comparing it with another rollout", "diff", "OTHER");
        self.leave_out("searching with a regular expression over commands and outputs", "grep", "PATTERN");
        self.data("left_out", &self.left_out.clone())
    }

    fn data(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        serde_json::to_writer(&mut encoder, value)?;
        let compressed = encoder.finish()?;
        let encoded = STANDARD.encode(compressed);
        writeln!(self.output, "<script type=\"application/gzip\" id=\"data-{name}\">{encoded}</script>")
    }

    fn leave_out(&mut self, what: impl Into<String>, command: &str, arguments: &str) {
        let command = format!("rollout-trace {command} {} {arguments}", self.command_path);
        self.left_out.push(LeftOut { what: what.into(), command: command.trim_end().to_owned() });
    }

    fn rollouts(&self, options: &FileOptions) -> Rollouts {
        Rollouts {
            program: crate::PROGRAM.to_owned(),
            path: self.desk.bundle.name(),
            is_root: false,
            follow: false,
            at: options.at.clone(),
            rollouts: vec![of_bundle(self.desk.bundle)],
        }
    }

    fn overview(&self) -> Overview {
        Overview {
            name: self.desk.bundle.name(),
            command_path: self.command_path.clone(),
            refused: None,
            rollout: Some(self.desk.overview()),
        }
    }

    fn texts(&mut self) -> Texts {
        let view = &self.desk.view;
        let numbered = |kind: Kind, count: usize| (0..count).map(move |number| Thing(kind, number as u32));
        let things = { view.graph().conversation_items.keys() }
            .map(|item| Thing(Kind::Item, item.0))
            .chain(numbered(Kind::Operation, view.things.operations.len()))
            .chain(numbered(Kind::Cell, view.things.cells.len()))
            .chain(numbered(Kind::Definition, view.rollout.facts().definitions().len()));
        let (mut texts, mut bytes, mut cut, mut dropped) = (Texts::default(), 0, 0, 0);
        for thing in things {
            if bytes > MOST_TEXTS {
                dropped += 1;
                continue;
            }
            let text = Text::of(view, thing, Wanted { part: None, from: 0, limit: MOST_TEXT });
            for part in text.iter().flat_map(|text| &text.parts) {
                bytes += part.text.len();
                cut += usize::from(part.text.len() == MOST_TEXT);
            }
            texts.texts.extend(text);
        }
        if cut > 0 {
            self.leave_out(format!("what follows the first {MOST_TEXT} bytes of {cut} texts"), "view", "");
        }
        if dropped > 0 {
            self.leave_out(format!("the texts of {dropped} items, outputs and scripts"), "view", "");
        }
        texts
    }

    fn answers(&mut self) -> io::Result<BTreeMap<String, Box<RawValue>>> {
        let rollout = self.desk.view.rollout;
        let mut answers = BTreeMap::new();
        answers.insert("question=unseen".to_owned(), serde_json::value::to_raw_value(&Unseen::of(rollout))?);
        let calls = rollout.calls();
        for (call, number) in calls.iter().zip(1..=MOST_DIFFS) {
            let answer = serde_json::value::to_raw_value(&ContextDiff::of(rollout, call))?;
            answers.insert(format!("question=context-diff&request={number}"), answer);
        }
        if calls.len() > MOST_DIFFS {
            let what = format!("what changed in detail from request to request after the first {MOST_DIFFS}");
            self.leave_out(what, "context", "REQUEST --diff");
        }
        Ok(answers)
    }

    fn events(&mut self) -> Events {
        let rows = self.desk.view.log.rows.len();
        if rows > MOST_EVENTS {
            self.leave_out(format!("{} events after the first {MOST_EVENTS}", rows - MOST_EVENTS), "view", "");
        }
        Events::of(&self.desk.view, 0..MOST_EVENTS)
    }

    fn payloads(&mut self, most: usize) -> BTreeMap<String, String> {
        let mut names: Vec<_> = self.desk.view.graph().raw_payloads.keys().map(PayloadName::of).collect();
        names.sort_unstable();
        let document = |name: &PayloadName| {
            let document = self.desk.document(&name.to_string()).ok()?;
            Some((name.to_string(), String::from_utf8(document).ok()?))
        };
        let payloads: BTreeMap<_, _> = names.iter().take(most).filter_map(document).collect();
        let left = names.len() - payloads.len();
        if left > 0 {
            self.leave_out(format!("{left} raw payloads"), "payload", "N");
        }
        payloads
    }
}

/// Returns the script as it stands in a page. In a script, only this text ends it; in a string or an expression of JavaScript
/// the backslash changes nothing.
fn inline_script() -> String {
    SCRIPT.replace("</script", "<\\/script").replace("<!--", "<\\!--")
}

/// Returns everything before the data. The policy allows the one script and the one style by their hashes, and no network.
fn head(script: &str) -> String {
    let style_hash = STANDARD.encode(Sha256::digest(STYLE));
    let script_hash = STANDARD.encode(Sha256::digest(script));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         script-src 'sha256-{script_hash}'; style-src 'sha256-{style_hash}'; img-src data: blob:; base-uri 'none'; \
         form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>rollout-trace</title>\n<style>{STYLE}</style>\n<div id=\"app\"></div>\n"
    )
}
