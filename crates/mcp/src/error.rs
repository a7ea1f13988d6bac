//! What a client is told if a tool cannot answer.

use std::fmt::{self, Display};

use rollout_trace::schema::visible::visible_line;

use crate::page::quote;

/// Why a tool cannot answer, in words for an agent: what is wrong, what to do next, and what the bundle has instead.
#[derive(Clone, Debug)]
pub(crate) struct ToolError {
    what: String,
    next: String,
    /// Text from bundles that helps, such as the names that are known.
    data: Vec<String>,
}

impl ToolError {
    pub(crate) fn new(what: impl Display, next: impl Display) -> Self {
        let line = |text: &dyn Display| bounded(&text.to_string());
        Self { what: line(&what), next: line(&next), data: Vec::new() }
    }

    /// Adds text from a bundle.
    pub(crate) fn with_data(mut self, data: impl IntoIterator<Item = String>) -> Self {
        self.data.extend(data);
        self
    }
}

/// The number of lines of data that are shown.
const SHOWN: usize = 20;

/// The length of such a line in characters. What is longer says little more.
const LONGEST: usize = 300;

/// Returns a text in one line that is not too long, with everything in it visible.
pub(crate) fn bounded(text: &str) -> String {
    let line = visible_line(text);
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.into_owned(),
    }
}

impl Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}\nnext: {}", self.what, self.next)?;
        for data in self.data.iter().take(SHOWN) {
            f.write_str(&quote(&bounded(data)))?;
        }
        match self.data.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => writeln!(f, "and {more} more"),
        }
    }
}

/// Returns the words of an error about a bundle, and of its cause. They may repeat what the bundle contains.
pub(crate) fn with_cause(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}
