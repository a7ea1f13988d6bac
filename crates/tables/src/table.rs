//! The tables.

use crate::{column::Column, encoded::Encoder, reduced::Reduced, tables};

/// What declares a table and makes its rows.
pub(crate) trait Source {
    /// What a row is about.
    type Row<'r>;

    /// Declares the table.
    fn declared<'r>() -> crate::column::Declared<Self::Row<'r>>;

    /// Calls `each` with what each row is about, in an order that follows from the graph.
    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>));
}

macro_rules! tables {
    ($($(#[$doc:meta])* $table:ident,)+) => {
        /// The tables, in the order in which they are written.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Table {
            $($(#[$doc])* $table,)+
        }

        impl Table {
            /// All tables: those of a dataset, then those that only SQL has.
            pub const ALL: &[Self] = &[$(Self::$table),+];

            /// Returns the schema of the table.
            pub fn schema(self) -> Schema {
                match self {
                    $(Self::$table => Schema::of(&tables::$table::declared()),)+
                }
            }

            /// Encodes all rows of a rollout.
            pub(crate) fn encode<'r>(self, reduced: &'r Reduced<'r>, encoder: &mut Encoder) {
                match self {
                    $(Self::$table => {
                        let declared = tables::$table::declared();
                        tables::$table::rows(reduced, &mut |row| {
                            declared.values(&row, |value| encoder.value(&value));
                            encoder.end_row();
                        });
                    })+
                }
            }
        }
    };
}

tables! {
    /// One row per rollout.
    Rollouts,
    /// The threads of agents.
    Threads,
    /// The turns of threads.
    Turns,
    /// The items of conversations.
    Items,
    /// Which requests carried which items.
    ItemRuns,
    /// The requests to models.
    InferenceCalls,
    /// The calls of tools.
    ToolCalls,
    /// The runs of code that models wrote.
    CodeCells,
    /// The commands, and the writes to their input.
    TerminalOperations,
    /// The replacements of histories by shorter ones.
    Compactions,
    /// The interactions between agents.
    Edges,
    /// The problems of the evidence.
    Diagnostics,
    /// The events that reduction only lists.
    Markers,
    /// The payloads that events name.
    Payloads,
    /// What a reviewer would want to be told.
    Findings,
    /// Who fills the context.
    Blame,
    /// What no model was shown.
    Unseen,
    /// Where the wall time went.
    Time,
}

impl Table {
    /// The tables of a dataset.
    pub const OF_DATASETS: &[Self] = Self::ALL.split_at(14).0;

    /// The tables that only SQL has: answers to questions, which take longer than to list what there is.
    pub const OF_QUESTIONS: &[Self] = Self::ALL.split_at(14).1;

    /// Returns the table with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|table| table.schema().name == name)
    }
}

/// The schema of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The name of the table.
    pub name: &'static str,
    /// What the rows are.
    pub meaning: &'static str,
    /// The columns that, with trace_id and state_hash, are different in each row.
    pub key: &'static [&'static str],
    /// The columns, in order. The first three are trace_id, state_hash and rollout_id.
    pub columns: Vec<Column>,
}

impl Schema {
    fn of<R>(declared: &crate::column::Declared<R>) -> Self {
        Self { name: declared.name, meaning: declared.meaning, key: declared.key, columns: declared.columns() }
    }
}
