//! The text form.

use rollout_trace_model::{ItemId, Line, map::HashMap};

use super::{
    Cause, Change, Changes, ContextDiff, Prefix, PrefixCause, PrefixSection, Relation, Row, prefix::PartChange,
};
use crate::{item_words::item_words, rollout::Rollout, usage::signed, words::grouped};

/// Rows of one change and cause that are more than this are one line.
const FEW: usize = 3;

/// Returns the items that the text form names, in a few words.
pub(super) fn words(rollout: &Rollout<'_>, rows: &[Row], prefix: &Prefix) -> HashMap<u32, String> {
    let broken = prefix.broken_at.iter().flat_map(|broken| broken.item_id);
    let named = rows.iter().flat_map(|row| [Some(row.item_id), row.was_item_id]).flatten().chain(broken);
    named.map(|item| (item.0, item_words(rollout, item))).collect()
}

impl ContextDiff {
    /// Returns the answer as text.
    pub fn lines(&self) -> Vec<Line> {
        let [before, after, agent] = &self.names;
        if self.relation == Relation::FirstCall {
            return vec![format!("{after} · {agent} is the first call: there is nothing to compare it with").into()];
        }
        let mut lines: Vec<Line> = vec![format!("{before} → {after} · {agent}").into()];
        match &self.changes {
            Some(changes) => lines.extend(changes.lines()),
            None => lines.push("  one of the requests cannot be read, so the two cannot be compared".into()),
        }
        lines.extend(self.usage.map(|usage| usage.after.line()));
        lines
    }
}

impl Changes {
    fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        if self.retry {
            lines.push("  retry         of the call before, which failed".into());
        }
        if self.model.changed {
            lines.push(format!("  model         {} → {}", self.model.before, self.model.after).into());
        }
        if self.instructions.changed {
            lines.push("  instructions  changed".into());
        }
        let tools = &self.tools;
        if tools.changed {
            let names = [("+", &tools.added), ("-", &tools.removed), ("≠", &tools.rewritten)];
            let mut words: Vec<_> = { names.iter() }
                .filter(|(_, names)| !names.is_empty())
                .map(|(sign, names)| format!("{sign} {}", names.join(", ")))
                .collect();
            words.extend(tools.reordered.then(|| "another order".to_owned()));
            lines.push(format!("  tools         {}", words.join(" · ")).into());
        }
        if !self.settings_changed.is_empty() {
            lines.push(format!("  settings      {}", self.settings_changed.join(", ")).into());
        }
        if !self.compactions.is_empty() {
            let ids: Vec<_> = self.compactions.iter().map(|id| id.to_string()).collect();
            lines.push(format!("  compactions   {}", ids.join(", ")).into());
        }
        let counts = [
            (self.counts.kept, "kept"),
            (self.counts.copied, "copied"),
            (self.counts.added, "added"),
            (self.counts.dropped, "dropped"),
            (self.counts.rewritten, "rewritten"),
            (self.counts.moved, "moved"),
        ];
        let counts: Vec<_> =
            { counts.iter() }.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        lines.push(format!("  items         {}", counts.join(", ")).into());
        lines.extend(self.rows());
        lines.push(self.prefix_line());
        lines.push(self.cache_line());
        lines
    }

    fn words(&self, item: ItemId) -> &str {
        self.words.get(&item.0).map_or("", String::as_str)
    }

    /// Returns the lines of the rows. Many rows of one change and cause are one line, at the place of the first.
    fn rows(&self) -> Vec<Line> {
        let key = |row: &Row| (row.change as u8, row.cause as u8);
        let mut groups: Vec<((u8, u8), Vec<&Row>)> = Vec::new();
        for row in &self.items {
            match groups.iter_mut().find(|(of, _)| *of == key(row)) {
                Some((_, rows)) => rows.push(row),
                None => groups.push((key(row), vec![row])),
            }
        }
        let mut lines = Vec::new();
        for (_, rows) in groups {
            if rows.len() <= FEW {
                lines.extend(rows.into_iter().map(|row| self.row_line(row)));
                continue;
            }
            let tokens = rows.iter().map(|row| row.tokens_estimate).sum();
            let places: Vec<_> = rows.iter().map(|row| row.item_id.0).collect();
            let line = format!(
                "    {} {} items {} ~{} · {} {}",
                sign(rows[0].change),
                rows.len(),
                ranges(&places),
                grouped(tokens),
                rows[0].cause.words(),
                rows[0].certainty.mark()
            );
            lines.push(line.trim_end().into());
        }
        lines
    }

    fn row_line(&self, row: &Row) -> Line {
        let was = match (row.was_item_id, row.tokens_estimate_was) {
            (Some(was), Some(tokens)) => format!("   was [{}] ~{}", was.0, grouped(tokens)),
            _ => String::new(),
        };
        let line = format!(
            "    {} {}{was}  ~{} · {} {}",
            sign(row.change),
            self.words(row.item_id),
            grouped(row.tokens_estimate),
            row.cause.words(),
            row.certainty.mark()
        );
        line.trim_end().into()
    }

    fn prefix_line(&self) -> Line {
        let Prefix { equal_items, tokens_estimate, lost_tokens_estimate, broken_at, cause, .. } = &self.prefix;
        let Some(broken) = broken_at else {
            return format!("  prefix        whole: {equal_items} items, ~{} tokens", grouped(*tokens_estimate)).into();
        };
        let place = match broken.section {
            PrefixSection::Model => "the model".to_owned(),
            PrefixSection::Tools => format!("tool {} ({})", broken.place, broken.name.as_deref().unwrap_or("?")),
            PrefixSection::Instructions => "the instructions".to_owned(),
            PrefixSection::OutputFormat => "the output format".to_owned(),
            PrefixSection::Items => format!("item {}", broken.place),
        };
        let what = broken.item_id.map_or_else(String::new, |item| format!(": {}", self.words(item)));
        let cause = match cause {
            Some(PrefixCause::Part(part)) => part.words(),
            Some(PrefixCause::Item(cause)) => cause.words(),
            None => "unknown",
        };
        format!(
            "  prefix        breaks at {place}, byte {}{what} · ~{} tokens stay, ~{} are lost · cause: {cause}",
            broken.byte,
            grouped(*tokens_estimate),
            grouped(*lost_tokens_estimate)
        )
        .into()
    }

    fn cache_line(&self) -> Line {
        let mut line = "  cache         ".to_owned();
        if let (Some(cached), Some(previous)) = (self.cache.cached_input_tokens, self.cache.previous_input_tokens) {
            line += &format!("{} cached", signed(cached));
            if let Some(share) = self.cache.share_of_previous {
                line += &format!(" = {:.0}% of the {} sent before", share * 100.0, signed(previous));
            }
            line += " · ";
        }
        line += self.cache.verdict.as_str();
        if let Some(idle) = self.cache.idle_ms {
            line += &format!(" · {} ms between", grouped(idle));
        }
        line.into()
    }
}

fn sign(change: Change) -> char {
    match change {
        Change::Added => '+',
        Change::Copied => '=',
        Change::Rewritten => '≠',
        Change::Moved => '↕',
        Change::Dropped => '-',
    }
}

/// Returns numbers as ranges, such as `[2..17], [19]`.
fn ranges(numbers: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers.iter().copied() {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let word = |(first, last): &(u32, u32)| match first == last {
        true => format!("[{first}]"),
        false => format!("[{first}..{last}]"),
    };
    ranges.iter().map(word).collect::<Vec<_>>().join(", ")
}

impl Cause {
    fn words(self) -> &'static str {
        match self {
            Self::Compaction => "compaction",
            Self::ToolResult => "a tool answered",
            Self::AgentMessage => "an agent wrote",
            Self::Person => "a person wrote",
            Self::Harness => "the harness",
            Self::EarlierAnswer => "an earlier answer",
            Self::Fork => "another thread",
            Self::Rebuilt => "history rebuilt",
            Self::Trimming => "output trimmed",
            Self::AnswerNotKept => "answer not kept",
            Self::Unrecorded => "nothing recorded says why",
            Self::Unknown => "unknown",
        }
    }
}

impl PartChange {
    fn words(self) -> &'static str {
        match self {
            Self::ModelChange => "another model",
            Self::ToolListChange => "other tools",
            Self::InstructionChange => "other instructions",
            Self::OutputFormatChange => "another output format",
        }
    }
}
