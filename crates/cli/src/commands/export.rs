//! The command `export`.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use rollout_trace::{Severity, answers::Rollout, bundle::ARCHIVE_SUFFIX};
use rollout_trace_export::{Content, Texts, Written, atif, chrome, diagram, inspect, otlp};

use crate::{
    commands::export_tables,
    export_args::{ContentArg, DiagramArg, EncodingArg, ExportArgs, FormatArg},
    failure::{Failure, Verdict},
    output::Output,
    progress, selection,
    summary::summary,
    written_file::{replace, save_as},
};

pub(crate) fn run(args: &ExportArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let Some(format) = Format::of(args)? else { return export_tables::run(args, output) };
    let selected = selection::select(&args.bundles);
    let found = selected.iter().filter(|bundle| bundle.is_ok()).count();
    let mut target = Target::of(args, &format, found)?;
    selection::for_each(selected, output, |path, output| {
        let bundle = args.reading.open(path)?;
        let (graph, facts) = progress::reduce_for_answers(&bundle);
        let mut payloads = bundle.payloads();
        let rollout = Rollout::new(&graph, &facts, &mut payloads, bundle.limits());
        let name = name_of(path);
        let written = target.write(&format, &rollout, &name, output)?;
        if !written.left_out.is_empty() {
            output.say(format_args!("{name}: not in this format: {}", written.left_out));
        }
        if let Some(advice) = written.advice {
            output.say(format_args!("{name}: {advice}"));
        }
        if let Some(summary) = summary(bundle.path(), &graph) {
            output.say_all(summary);
        }
        let has_errors = graph.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
        Ok(if args.strict && has_errors { Verdict::Damaged } else { Verdict::Clean })
    })
}

/// Returns what a bundle or session is called, after its folder, archive or file.
fn name_of(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let is_in_bundle = !path.is_dir() && path.parent().is_some_and(rollout_trace::bundle::holds_bundle);
    let path = if is_in_bundle { path.parent().unwrap_or(&path) } else { &path };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(ARCHIVE_SUFFIX).or_else(|| name.strip_suffix(".jsonl"));
    stem.or_else(|| name.strip_suffix(".json")).unwrap_or(&name).to_owned()
}

/// A format with its options.
#[derive(Debug)]
enum Format {
    Chrome(Texts),
    OtlpJson(otlp::Options),
    OtlpProtobuf(otlp::Options),
    Atif(Texts),
    Inspect(Texts),
    Sequence(Texts),
    Flowchart,
    Dot,
}

impl Format {
    /// Returns the format that is asked for, or what is wrong with its options. Returns `None` if tables are asked for.
    fn of(args: &ExportArgs) -> Result<Option<Self>, Failure> {
        let of_others = [
            (args.encoding.is_some(), "--encoding", FormatArg::Otlp),
            (args.service.is_some(), "--service", FormatArg::Otlp),
            (args.project.is_some(), "--project", FormatArg::Otlp),
            (args.diagram.is_some(), "--diagram", FormatArg::Mermaid),
        ];
        if let Some((_, option, format)) =
            of_others.into_iter().find(|(is_given, _, format)| *is_given && *format != args.format)
        {
            let (own, other) = (args.format.as_str(), format.as_str());
            return Err(Failure::new(
                format!("{own} has no {option}"),
                format!("leave it out, or use --format {other}"),
            ));
        }
        let content = match (args.content, args.format) {
            (ContentArg::None, FormatArg::Atif | FormatArg::Inspect) => {
                let what =
                    format!("{} is a transcript, which would look complete without its texts", args.format.as_str());
                return Err(Failure::new(what, "add --content full to write prompts, answers, arguments and results"));
            }
            (ContentArg::None, _) => Content::None,
            (ContentArg::Hash, FormatArg::Parquet | FormatArg::Ndjson) => return Ok(None),
            (ContentArg::Hash, format) => {
                let what = format!("{} has no --content hash", format.as_str());
                return Err(Failure::new(what, "use --content full for all texts, or none"));
            }
            (ContentArg::New, FormatArg::Otlp) => Content::New,
            (ContentArg::New, format) => {
                let what = format!("{} has no --content new", format.as_str());
                return Err(Failure::new(what, "use --content full for all texts, or none"));
            }
            (ContentArg::Full, _) => Content::Full,
        };
        let texts =
            |most: usize| Texts { content, max_bytes: Some(args.max_text.unwrap_or(most)).filter(|most| *most > 0) };
        let options = || otlp::Options {
            texts: texts(4096),
            service: args.service.clone().unwrap_or_else(|| otlp::Options::SERVICE.to_owned()),
            project: args.project.clone(),
        };
        Ok(Some(match args.format {
            FormatArg::Parquet | FormatArg::Ndjson => return Ok(None),
            FormatArg::Chrome => Self::Chrome(texts(256)),
            FormatArg::Otlp => match args.encoding.unwrap_or(EncodingArg::Json) {
                EncodingArg::Json => Self::OtlpJson(options()),
                EncodingArg::Protobuf => Self::OtlpProtobuf(options()),
            },
            FormatArg::Atif => Self::Atif(texts(0)),
            FormatArg::Inspect => Self::Inspect(texts(0)),
            FormatArg::Mermaid => match args.diagram.unwrap_or(DiagramArg::Sequence) {
                DiagramArg::Sequence => Self::Sequence(texts(0)),
                DiagramArg::Flow => Self::Flowchart,
            },
            FormatArg::Dot => Self::Dot,
        }))
    }

    /// Returns how names of files in this format end.
    fn extension(&self) -> &'static str {
        match self {
            Self::Chrome(_) => "trace.json",
            Self::OtlpJson(_) => "otlp.jsonl",
            // The name of a folder.
            Self::OtlpProtobuf(_) => "",
            Self::Atif(_) => "atif.json",
            Self::Inspect(_) => "json",
            Self::Sequence(_) | Self::Flowchart => "mmd",
            Self::Dot => "dot",
        }
    }

    /// Returns whether exports of several rollouts, one after the other, are an export.
    fn can_be_joined(&self) -> bool {
        matches!(self, Self::OtlpJson(_))
    }

    /// Writes a rollout to one file.
    fn write(&self, rollout: &Rollout<'_>, out: &mut dyn Write) -> io::Result<Written> {
        match self {
            Self::Chrome(texts) => chrome::write(rollout, *texts, out),
            Self::OtlpJson(options) => otlp::write_json(rollout, options, out),
            Self::OtlpProtobuf(options) => otlp::write_protobuf(rollout, options, |message| out.write_all(message)),
            Self::Inspect(texts) => inspect::write(rollout, *texts, out),
            Self::Atif(texts) => atif::write(rollout, *texts, out),
            Self::Sequence(texts) => diagram::write_sequence(rollout, *texts, out),
            Self::Flowchart => diagram::write_flowchart(rollout, out),
            Self::Dot => diagram::write_dot(rollout, out),
        }
    }
}

/// Where exports go.
#[derive(Debug)]
enum Target {
    Stdout,
    File(PathBuf),
    /// A folder for the batches of one rollout.
    Batches(PathBuf),
    /// A folder, and the names that are taken in it.
    Folder(PathBuf, BTreeMap<String, u64>),
}

impl Target {
    /// Returns where the exports of so many bundles go.
    fn of(args: &ExportArgs, format: &Format, bundles: usize) -> Result<Self, Failure> {
        let folder = |path: &Path| {
            fs::create_dir_all(path).map_err(|error| {
                Failure::io("cannot make the folder", path, &error, "use -o DIR with a folder that can be written to")
            })?;
            Ok(Self::Folder(path.to_owned(), BTreeMap::new()))
        };
        let output = args.output.as_deref().filter(|path| *path != Path::new("-"));
        if matches!(format, Format::OtlpProtobuf(_)) {
            let failure = || Failure::new("protobuf is several files", "use -o DIR with a folder for them");
            let output = output.ok_or_else(failure)?;
            return if bundles > 1 { folder(output) } else { Ok(Self::Batches(output.to_owned())) };
        }
        match output {
            None if bundles > 1 && !format.can_be_joined() => {
                let what = format!("{bundles} bundles in {} cannot be written to stdout", args.format.as_str());
                Err(Failure::new(what, "use -o DIR for a file of each, or --latest for the newest"))
            }
            None => Ok(Self::Stdout),
            Some(path) if bundles > 1 || path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/') => {
                folder(path)
            }
            Some(path) => Ok(Self::File(path.to_owned())),
        }
    }

    /// Writes a rollout, and prints the path of the file that was written.
    fn write(
        &mut self,
        format: &Format,
        rollout: &Rollout<'_>,
        name: &str,
        output: &mut Output,
    ) -> Result<Written, Failure> {
        let path = match self {
            Self::Stdout => {
                let mut written = Written::default();
                output.json(|stdout| {
                    written = format.write(rollout, stdout)?;
                    Ok(())
                })?;
                output.flush()?;
                return Ok(written);
            }
            Self::File(path) | Self::Batches(path) => path.clone(),
            Self::Folder(folder, taken) => folder.join(match format {
                Format::Inspect(_) => free_name(&inspect::file_name(rollout.graph()), "json", taken),
                format => free_name(name, format.extension(), taken),
            }),
        };
        let written = match format {
            Format::OtlpProtobuf(options) => write_batches(rollout, options, &path)?,
            format => save_as(&path, |file| format.write(rollout, file))?,
        };
        output.line(path.display())?;
        output.flush()?;
        Ok(written)
    }
}

/// Writes the batches of a rollout to a folder, as `0001.pb`, `0002.pb` and so on, in place of those of an earlier export.
fn write_batches(rollout: &Rollout<'_>, options: &otlp::Options, folder: &Path) -> Result<Written, Failure> {
    let hint = "use -o DIR with a folder that can be written to";
    let failure = |error| Failure::io("cannot write into", folder, &error, hint);
    fs::create_dir_all(folder).map_err(failure)?;
    let batch = |number: u64| folder.join(format!("{number:04}.pb"));
    let mut count = 0;
    let written = otlp::write_protobuf(rollout, options, |message| {
        count += 1;
        replace(&batch(count), |file| file.write_all(message))
    });
    let written = written.map_err(failure)?;
    // What an earlier export wrote beyond that would be sent along.
    for number in count + 1.. {
        match fs::remove_file(batch(number)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(failure(error)),
        }
    }
    Ok(written)
}

/// Returns a name that no other export of this run has. An extension comes after a dot.
fn free_name(name: &str, extension: &str, taken: &mut BTreeMap<String, u64>) -> String {
    let dot = if extension.is_empty() { "" } else { "." };
    let mut candidate = name.to_owned();
    while let Some(number) = taken.get_mut(&candidate) {
        *number += 1;
        candidate = format!("{name}-{number}");
    }
    taken.insert(candidate.clone(), 1);
    format!("{candidate}{dot}{extension}")
}
