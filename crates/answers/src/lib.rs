//! Answers questions about a rollout.
//!
//! A graph says what happened. An answer says what that means for one question: plain data that serializes to the JSON
//! which `--json` prints, and its text form beside it. Nothing here prints or does I/O: a graph, and for some questions
//! a payload source, in; an answer out.
//!
//! Each question is one module. What several of them need is computed once for each rollout.
//!
//! An answer separates what is recorded, what was matched and what is only inferred, and leaves out what is unknown. It
//! never fills a gap with a guess.

#![forbid(unsafe_code)]

mod activities;
mod agent_names;
mod blame;
mod certainty;
mod children;
mod commentary;
mod context;
mod context_diff;
mod critical_path;
mod deliveries;
mod derived;
mod diff;
mod estimator;
mod facts;
mod files;
mod findings;
mod gaps;
mod grep;
mod index;
mod item_places;
mod item_tokens;
mod item_words;
mod lookups;
mod meaning;
mod members;
mod node;
mod origin;
mod overview;
mod patches;
mod pattern;
mod payload_name;
mod rollout;
mod schema;
mod select;
mod shell_word;
mod stats;
mod time;
mod tool_name;
mod turn_starts;
mod unknown_name;
mod unseen;
mod unset;
mod usage;
mod verdict;
mod why;
mod with_facts;
mod words;

pub use activities::TimeClass;
pub use agent_names::{AgentNames, threads_by_start};
pub use blame::{Axis, Blame, BlameRow, BlameTotals};
pub use certainty::Certainty;
pub use context::{Context, ItemPart, Parts, RequestForm, SectionName, SectionSizes, ToolPart};
pub use context_diff::{
    BrokenAt, Cache, CacheVerdict, Cause, Change, Changed, Changes, ContextDiff, Counts, ModelChange, PartChange,
    Prefix, PrefixCause, PrefixSection, Relation, Row, ToolChange, Usages,
};
pub use critical_path::{AgentChange, CriticalPath, Segment, SegmentClass};
pub use derived::{Clock, End, Relations, ToolTitle};
pub use diff::{
    At, Block, Both, Condition, ConditionCause, Diff, DiffTotals, Divergence, DivergenceCause, LineDifference, Persons,
    Shorter, Side, SoftDifference, ThreadDiff,
};
pub use estimator::{ESTIMATOR, thousandths_of_tokens};
pub use facts::{Definition, DefinitionId, Facts, ItemFacts, RequestFacts, Sizes};
pub use findings::{Finding, FindingCode, FindingSeverity, Findings, More};
pub use grep::{Grep, GrepRow, Place, Search};
pub use index::{Carried, is_call, is_output, turn_numbers};
pub use item_tokens::ItemTokens;
pub use item_words::first_chars;
pub use node::Node;
pub use origin::{Origin, OriginClass};
pub use overview::{Glance, NextStep, Overview, Said};
pub use pattern::{PatternError, pattern};
pub use payload_name::PayloadName;
/// Regular expressions, as [`Search`] takes them.
pub use regex::Regex;
pub use rollout::{Rest, Rollout, calls_by_start};
pub use schema::json_schema;
pub use select::SelectError;
pub use shell_word::shell_word;
pub use stats::{Stats, Totals};
pub use time::{ThreadTime, Time};
pub use tool_name::tool_name;
pub use unknown_name::UnknownName;
pub use unseen::{Unseen, UnseenCode, UnseenRow};
pub use usage::Usage;
pub use verdict::{Completeness, Gap, Verdict};
pub use why::{Absent, CarriedBy, Cause as WhyCause, Hop, Why};
pub use with_facts::{WithFacts, state_schema};
pub use words::duration;
