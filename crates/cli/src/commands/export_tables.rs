//! Tables of many rollouts, as `export` writes them.

use std::path::{Path, PathBuf};

use rollout_trace_tables::{Added, Content, DatasetError, DatasetWriter, Format, Options, Rows, Table};

use crate::{
    args::ReadingArgs,
    export_args::{ContentArg, ExportArgs, FormatArg},
    failure::{Failure, Verdict},
    output::Output,
    parallel,
    report::{Ids, Report},
    selection,
    summary::{Counts, summary},
    table_rows::table_rows,
};

/// What is written, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dataset<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) format: Format,
    pub(crate) options: Options,
    pub(crate) reading: ReadingArgs,
    /// Whether errors in a bundle are damage.
    pub(crate) strict: bool,
    /// Whether each bundle is reported in a line of JSON, instead of each file by its path.
    pub(crate) reports: bool,
}

/// The rows of a bundle, and what is reported of it.
struct Read {
    rows: Rows,
    ids: Ids,
    counts: Counts,
    summary: Vec<rollout_trace::model::Line>,
}

impl Dataset<'_> {
    /// Writes the tables of the bundles. Those that cannot be read are reported, and the others are written.
    pub(crate) fn write(
        self,
        selected: Vec<Result<PathBuf, Failure>>,
        output: &mut Output,
    ) -> Result<Verdict, Failure> {
        let mut writer =
            DatasetWriter::create(self.folder, self.format, self.options).map_err(|error| failed(&error))?;
        let mut reports = Vec::new();
        let verdict = selection::for_all(
            selected,
            output,
            |path| self.read(path),
            |path, read, output| {
                let read = match read {
                    Ok(read) => read,
                    Err(lines) => {
                        reports.push(Report::failed(path, &lines));
                        return Ok(Verdict::Unreadable);
                    }
                };
                let added = writer.add(&read.rows).map_err(|error| failed(&error))?;
                output.say_all(read.summary);
                let report = Report::of(path, &read.ids, read.counts);
                reports.push(report.with_rows(&read.rows.state_hash, read.rows.count(), added == Added::Known));
                Ok(if self.strict && read.counts.errors > 0 { Verdict::Damaged } else { Verdict::Clean })
            },
        )?;
        // Nothing is reported as written before it is.
        let written = writer.finish(parallel::workers()).map_err(|error| failed(&error))?;
        if self.reports {
            reports.into_iter().try_for_each(|report| report.named(&written.name).print(output))?;
        } else {
            written.files.iter().try_for_each(|file| output.line(file.display()))?;
        }
        Ok(verdict)
    }

    fn read(self, path: &Path) -> Result<Read, Failure> {
        table_rows(path, self.reading, (self.options, Table::OF_DATASETS), |bundle, graph, rows| Read {
            rows,
            ids: Ids::of(graph),
            counts: Counts::of(&graph.diagnostics),
            summary: summary(bundle, graph).unwrap_or_default(),
        })
    }
}

fn failed(error: &DatasetError) -> Failure {
    let cause = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    Failure::new(format!("{error}{cause}"), "use -o DIR with a folder that can be written to, and has room")
}

/// Writes the tables of the bundles that the command line names.
pub(crate) fn run(args: &ExportArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let folder = args.output.as_deref().filter(|path| *path != Path::new("-"));
    let what = || format!("{} is a folder of tables", args.format.as_str());
    let folder = folder.ok_or_else(|| Failure::new(what(), "use -o DIR"))?;
    let content = match args.content {
        ContentArg::None | ContentArg::New => Content::None,
        ContentArg::Hash => Content::Hash,
        ContentArg::Full => Content::Full,
    };
    let format = if args.format == FormatArg::Parquet { Format::Parquet } else { Format::Ndjson };
    let dataset = Dataset {
        folder,
        format,
        options: Options { content, max_text: args.max_text.unwrap_or_default() },
        reading: args.reading,
        strict: args.strict,
        reports: args.bundles.from_list.is_some(),
    };
    dataset.write(selection::select(&args.bundles), output)
}
