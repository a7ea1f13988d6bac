//! Shows a rollout on the terminal.

use std::{
    borrow::Cow,
    env,
    io::{self, IsTerminal, Write},
};

use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use rollout_trace::{
    Drawing,
    schema::visible::{visible_line, visible_text},
};
use rollout_trace_agent_core::{AbortReason, Event, EventMessage};

/// Shows a rollout as it happens: the model's answer on stdout, and everything else on stderr. Text from others is
/// escaped. Errors of writing are ignored, since the rollout is recorded anyway.
#[derive(Debug)]
pub(crate) struct Screen {
    color: bool,
    /// Whether remarks, which go to stderr, are colored.
    colors_remarks: bool,
    /// Whether the cursor is at the end of an unfinished line of the model's answer.
    is_mid_line: bool,
    /// The pieces that have been shown of the message that is arriving. Some providers send no pieces.
    pieces: String,
    /// Whether anything has been shown of the answer that is arriving.
    has_shown: bool,
}

const REMARK: Style = AnsiColor::BrightBlack.on_default();
const USER: Style = AnsiColor::Green.on_default();
const TOOL: Style = AnsiColor::Cyan.on_default();
const BAD: Style = AnsiColor::Red.on_default();

impl Screen {
    pub(crate) fn new(color: ColorChoice) -> Self {
        let is_wanted = |is_terminal: bool| match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
                is_terminal && !is_set("NO_COLOR") && env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        };
        let (color, colors_remarks) = (is_wanted(io::stdout().is_terminal()), is_wanted(io::stderr().is_terminal()));
        Self { color, colors_remarks, is_mid_line: false, pieces: String::new(), has_shown: false }
    }

    /// Shows an event, if it is of interest to people.
    pub(crate) fn event(&mut self, event: &Event) {
        let agent = event.agent_path.as_str();
        match &event.message {
            EventMessage::UserMessage { text } => {
                if agent == "/root" {
                    (self.has_shown, self.pieces) = (false, String::new());
                }
                self.remark(agent, USER, &line(text));
            }
            EventMessage::AgentMessageDelta { delta } if agent == "/root" => {
                self.pieces.push_str(delta);
                self.words(delta);
            }
            EventMessage::AgentMessage { text } if agent != "/root" => self.remark(agent, TOOL, text),
            EventMessage::AgentMessage { text } => self.message(text),
            EventMessage::ToolCallBegan { tool, input, .. } => {
                if agent == "/root" {
                    self.has_shown = false;
                }
                self.remark(agent, TOOL, &format!("{tool} {}", line(input)))
            }
            EventMessage::ToolCallEnded { success: false, output, .. } => self.remark(agent, BAD, &line(output)),
            EventMessage::ToolCallEnded { output, .. } => self.remark(agent, REMARK, &line(output)),
            EventMessage::AgentMessageReceived { author, text } => {
                self.remark(agent, REMARK, &format!("from {author}: {}", line(text)));
            }
            EventMessage::Retrying { retry, delay_ms, error } => {
                if agent == "/root" {
                    self.mark_break();
                }
                self.remark(agent, BAD, &format!("retry {retry} in {delay_ms} ms: {error}"));
            }
            EventMessage::Compacted { items_before, items_after } => {
                self.remark(agent, REMARK, &format!("history compacted from {items_before} items to {items_after}"));
            }
            EventMessage::Warning { message } | EventMessage::Error { message } => self.remark(agent, BAD, message),
            EventMessage::TurnAborted { reason: AbortReason::Interrupted, .. } => {
                self.remark(agent, BAD, "interrupted")
            }
            EventMessage::TurnComplete { .. } if agent == "/root" => self.end_line(),
            _ => {}
        }
    }

    /// Prints a message about the program itself on stderr.
    pub(crate) fn say(&mut self, remark: &str) {
        self.end_line();
        let _ = writeln!(io::stderr(), "{}", visible_text(remark));
    }

    /// Prints a drawing on stdout.
    pub(crate) fn draw(&mut self, drawing: Drawing<'_>) {
        self.end_line();
        let drawing = drawing.color(self.color).to_string();
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(drawing.as_bytes()).and_then(|()| stdout.flush());
    }

    /// Shows a whole message, as far as its pieces have not shown it.
    fn message(&mut self, text: &str) {
        let pieces = std::mem::take(&mut self.pieces);
        match text.strip_prefix(pieces.as_str()) {
            Some(rest) => self.words(rest),
            None => {
                self.mark("the message above arrived damaged; this is the whole message");
                self.words(text);
            }
        }
        // Another message or the end follows.
        self.end_line();
    }

    /// Separates what has been shown of an answer that broke off from the answer to the repeated request.
    fn mark_break(&mut self) {
        let is_given_up = !std::mem::take(&mut self.pieces).is_empty();
        if std::mem::take(&mut self.has_shown) {
            self.mark(match is_given_up {
                true => "the answer broke off here; what follows takes the place of its last message",
                false => "the answer broke off here; what follows continues it",
            });
        }
    }

    /// Prints a mark in the model's answer.
    fn mark(&mut self, mark: &str) {
        self.end_line();
        let _ = writeln!(io::stdout(), "[{mark}]");
    }

    fn words(&mut self, words: &str) {
        if words.is_empty() {
            return;
        }
        self.has_shown = true;
        let mut stdout = io::stdout().lock();
        // A file or another program receives the text unchanged.
        let shown = if stdout.is_terminal() { visible_text(words) } else { Cow::Borrowed(words) };
        let _ = stdout.write_all(shown.as_bytes()).and_then(|()| stdout.flush());
        self.is_mid_line = !words.ends_with('\n');
    }

    fn remark(&mut self, agent: &str, style: Style, text: &str) {
        self.end_line();
        let (on, off) = if self.colors_remarks {
            (style.render().to_string(), style.render_reset().to_string())
        } else {
            Default::default()
        };
        let _ = writeln!(io::stderr(), "{on}{}: {}{off}", visible_line(agent), visible_text(text));
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.is_mid_line) {
            let _ = writeln!(io::stdout());
        }
    }
}

/// The longest text that a remark shows.
const LINE_CHARS: usize = 100;

/// Returns the beginning of a text on one line.
fn line(text: &str) -> String {
    let shown: String = text.trim().chars().map(|c| if c.is_whitespace() { ' ' } else { c }).take(LINE_CHARS).collect();
    if text.trim().chars().count() > LINE_CHARS { shown + "…" } else { shown }
}
