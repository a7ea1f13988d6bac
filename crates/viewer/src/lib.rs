#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod api_error;
mod assets;
mod body;
mod browser;
mod causes;
mod changes;
mod columns;
mod desk;
mod desks;
mod events;
mod file;
mod guard;
mod images;
mod items;
mod labels;
mod left_out;
mod live;
mod log;
mod overview;
mod query;
mod review;
mod rollouts;
mod schema;
mod selected;
mod server;
mod spans;
mod texts;
mod things;
mod view;

/// The program that people know, with its version.
pub(crate) const PROGRAM: &str = concat!("rollout-trace ", env!("CARGO_PKG_VERSION"));

pub use api_error::ApiError;
pub use browser::open_browser;
pub use causes::{Causes, Hops};
pub use changes::RequestChanges;
pub use columns::{Deltas, Lists, PayloadColumn, PayloadName, Words};
pub use events::{Events, RawEventText};
pub use file::{FileError, FileOptions, write_file};
pub use items::Items;
pub use labels::Labels;
pub use left_out::LeftOut;
pub use live::{Grown, GrownRows};
pub use overview::{Agent, Overview, Refused, RolloutOverview, Said};
pub use review::{FindingPlace, Review};
pub use rollout_trace::Library;
pub use rollouts::{ListedRollout, Rollouts};
pub use schema::json_schema;
pub use selected::{Candidate, Selected};
pub use server::{Options, Server};
pub use spans::{
    Calls, Cells, CompactionRequests, Compactions, CriticalSegments, Definitions, Edges, Losses, Operations,
    RequestLists, Requests, Spans, Terminals, Times, Turns, Undelivered,
};
pub use texts::{Text, TextKind, TextPart, Texts};
pub use things::{Kind, Thing, ThingColumn};
