//! The command line of `export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::args::{BundleArgs, ReadingArgs};

const AFTER_HELP: &str = "\
What opens or takes each format:
  chrome         https://ui.perfetto.dev or https://www.speedscope.app: open the file
  otlp           curl --data-binary @0001.pb -H 'content-type: application/x-protobuf' URL/v1/traces
                 curl --data-binary @NAME.jsonl -H 'content-type: application/json' URL/v1/traces
                 (a collector, MLflow; Phoenix takes protobuf only)
  atif           harbor view JOBS, with the file as JOBS/rollouts/NAME/agent/trajectory.json
  inspect        inspect view --log-dir DIR
  parquet        duckdb -c \"SELECT count(*) FROM 'DIR/v1/rollouts/**/*.parquet'\"
  mermaid, dot   any Markdown page with a mermaid block; dot -Tsvg NAME.dot

Exit codes:
  0  written
  1  with --strict: a bundle has errors; it was written nevertheless
  2  a bundle could not be read, or wrong usage; the other bundles were written";

/// Writes rollouts in the formats of other tools.
///
/// Bundles are reduced for it, and state.json is neither read nor written. Without --content, an export holds no text of a
/// rollout: no prompts, answers, arguments, results, commands or errors; only ids, names, times, counts and codes. What a
/// format cannot hold is counted in the export itself, and on stderr. Nothing is sent anywhere. docs/exports.md says what
/// each tool shows.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) bundles: BundleArgs,

    /// The format.
    #[arg(short, long, value_name = "FORMAT")]
    pub(crate) format: FormatArg,

    /// Write to a file, or into a folder if there are several bundles or files; - means stdout, which is the default for
    /// one bundle, and for any number in otlp as JSON.
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,

    /// Which texts to write. Bundles hold prompts, source code, command lines and secrets. atif and
    /// inspect are transcripts, and need `full`.
    #[arg(long, value_name = "TEXTS", default_value = "none")]
    pub(crate) content: ContentArg,

    /// Cut texts that are longer; 0 means no limit [default: 4096 in otlp, 256 in chrome, no limit in the others].
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_text: Option<usize>,

    /// In otlp, the encoding; protobuf needs a folder [default: json].
    #[arg(long)]
    pub(crate) encoding: Option<EncodingArg>,

    /// In mermaid, what is drawn: what happened in order, or the agents with what passes between them [default: sequence].
    #[arg(long)]
    pub(crate) diagram: Option<DiagramArg>,

    /// In otlp, the attribute service.name [default: rollout-trace].
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,

    /// In otlp, the attribute openinference.project.name.
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,

    /// Exit with 1 after writing if there are diagnostics of severity error.
    #[arg(long)]
    pub(crate) strict: bool,

    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// Chrome trace events, for Perfetto and speedscope.
    Chrome,
    /// OpenTelemetry spans with the GenAI conventions.
    Otlp,
    /// An ATIF trajectory, as Harbor shows it.
    Atif,
    /// An eval log of Inspect.
    Inspect,
    /// A Mermaid diagram.
    Mermaid,
    /// A Graphviz diagram.
    Dot,
    /// Tables for DuckDB, DataFusion, Polars and Spark, in a folder.
    Parquet,
    /// The same tables as lines of JSON.
    Ndjson,
}

impl FormatArg {
    /// Returns the format as it is given.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Chrome => "chrome",
            Self::Otlp => "otlp",
            Self::Atif => "atif",
            Self::Inspect => "inspect",
            Self::Mermaid => "mermaid",
            Self::Dot => "dot",
            Self::Parquet => "parquet",
            Self::Ndjson => "ndjson",
        }
    }
}

/// Which texts an export holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ContentArg {
    /// No texts.
    None,
    /// The SHA-256 of the texts of items, by which equal texts can be joined (parquet, ndjson).
    Hash,
    /// Texts; of a request only those of the items that it shows for the first time (otlp).
    New,
    /// All texts.
    Full,
}

/// The encoding of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EncodingArg {
    /// Lines of JSON, each of which can be sent.
    Json,
    /// Files in a folder, 0001.pb and so on, each of which can be sent.
    Protobuf,
}

/// What a Mermaid diagram shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiagramArg {
    /// What happened, in order.
    Sequence,
    /// The agents, and what passes between them.
    Flow,
}
