//! The command `sql`.

mod answer;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use rollout_trace::{
    Stamp,
    import::{store_of, write_ahead_log},
};
use rollout_trace_tables::{Content, Database, Options, SqlError, SqlLimits, Table};

pub(crate) use answer::Form;
use answer::Stopped;

use crate::{
    args::{BundleArgs, ReadingArgs},
    failure::{Failure, Verdict},
    output::Output,
    selection,
    sql_args::SqlArgs,
    table_rows::table_rows,
};

pub(crate) fn run(args: &SqlArgs, output: &mut Output) -> Result<Verdict, Failure> {
    if args.tables {
        return print_tables(output);
    }
    let (statement, paths) = args.words.split_last().ok_or_else(missing)?;
    let statement = statement
        .to_str()
        .ok_or_else(|| Failure::new("the statement is not UTF-8", "give the statement after the paths, as one word"))?;
    let selected = match select(args, paths) {
        None if args.db.is_none() => return Err(missing()),
        selected => selected.unwrap_or_default(),
    };
    // Whoever keeps the tables may pass them on.
    let content = if args.db.is_some() { Content::None } else { Content::Full };
    let options = Options { content: args.content.map_or(content, Content::from), max_text: 0 };
    let limits = SqlLimits { time: Duration::from_secs(args.max_seconds), memory: args.max_memory_bytes };
    let form = match (args.json, args.csv) {
        (true, _) => Form::Json,
        (_, true) => Form::Csv,
        _ => Form::Table,
    };
    let mut tables = match args.db.as_deref() {
        None => Filled::in_memory(statement, options, args.reading)?,
        Some(file) => Filled::in_file(file, options, args.reading)?,
    };
    let verdict = tables.fill(selected, output)?;
    tables.answer(statement, limits, form, output)?;
    Ok(verdict)
}

/// Asks a statement of the program about bundles, with tables in memory.
pub(crate) fn ask_in_memory(
    selected: Vec<Result<PathBuf, Failure>>,
    statement: &str,
    made: (Options, ReadingArgs),
    form: Form,
    output: &mut Output,
) -> Result<Verdict, Failure> {
    let mut tables = Filled::in_memory(statement, made.0, made.1)?;
    let verdict = tables.fill(selected, output)?;
    // It is no statement of anybody else.
    let limits = SqlLimits { time: Duration::MAX, memory: u64::MAX };
    tables.answer(statement, limits, form, output)?;
    Ok(verdict)
}

/// Prints the statements that make the tables, with what each column means.
fn print_tables(output: &mut Output) -> Result<Verdict, Failure> {
    let statements: Vec<_> = Table::ALL.iter().map(|table| table.schema().statement()).collect();
    output.own_words(|stdout| write!(stdout, "{}", statements.join("\n")))?;
    Ok(Verdict::Clean)
}

fn missing() -> Failure {
    let hint = "rollout-trace sql PATH \"SELECT …\"; --tables lists the tables";
    Failure::new("a statement and a bundle are needed", hint)
}

/// Returns the bundles that the words name or, without words, those of the trace root. Returns `None` if there is neither.
fn select(args: &SqlArgs, paths: &[OsString]) -> Option<Vec<Result<PathBuf, Failure>>> {
    let root = args.root.iter().filter(|_| paths.is_empty() && args.db.is_none()).cloned();
    let paths: Vec<_> = paths.iter().map(PathBuf::from).chain(root).collect();
    if paths.is_empty() {
        return None;
    }
    let bundles = BundleArgs::of(paths, args.latest, args.session.clone());
    Some(selection::select(&bundles))
}

/// A database that is filled.
struct Filled<'a> {
    database: Database,
    /// The file, if it is not in memory.
    file: Option<&'a Path>,
    /// The tables that are wanted.
    wanted: Vec<Table>,
    options: Options,
    reading: ReadingArgs,
}

impl<'a> Filled<'a> {
    /// Makes the tables that a statement reads.
    fn in_memory(statement: &str, options: Options, reading: ReadingArgs) -> Result<Self, Failure> {
        let mut database = Database::in_memory().map_err(|error| failed(None, &error))?;
        let wanted = database.tables_read_by(statement).map_err(|error| failed(None, &error))?;
        Ok(Self { database, file: None, wanted, options, reading })
    }

    /// Opens the tables in a file.
    fn in_file(file: &'a Path, options: Options, reading: ReadingArgs) -> Result<Self, Failure> {
        let database = Database::open(file).map_err(|error| failed(Some(file), &error))?;
        Ok(Self { database, file: Some(file), wanted: Table::ALL.to_vec(), options, reading })
    }

    /// Asks a statement, and prints the answer.
    fn answer(&mut self, statement: &str, limits: SqlLimits, form: Form, output: &mut Output) -> Result<(), Failure> {
        self.database.close(limits).map_err(|error| failed(self.file, &error))?;
        answer::print(&mut self.database, statement, form, output).map_err(|stopped| match stopped {
            Stopped::Sql(error) => failed(self.file, &error),
            Stopped::Output(failure) => failure,
        })
    }

    /// Fills the tables with the rows of the bundles. A bundle that cannot be read is reported, and the others are read.
    fn fill(&mut self, selected: Vec<Result<PathBuf, Failure>>, output: &mut Output) -> Result<Verdict, Failure> {
        if self.wanted.is_empty() {
            return Ok(Verdict::Clean);
        }
        let mut wanted = Vec::new();
        for bundle in selected {
            match bundle {
                Ok(path) if self.is_current(&path)? => {}
                bundle => wanted.push(bundle),
            }
        }
        let Self { database, file, wanted: tables, options, reading } = self;
        let (file, tables, options, reading) = (*file, &*tables, *options, *reading);
        let read = |path: &Path| table_rows(path, reading, (options, tables), |_, _, rows| rows);
        selection::for_all(wanted, output, read, |path, rows, _| {
            let (Some(path), Ok(rows)) = (path, rows) else { return Ok(Verdict::Unreadable) };
            let written = match file {
                None => database.insert(&rows).map(drop),
                Some(_) => {
                    let (name, stamp) = known(path);
                    database.refresh(&name, &stamp, options, &rows)
                }
            };
            written.map_err(|error| failed(file, &error))?;
            Ok(Verdict::Clean)
        })
    }

    /// Returns whether the file has a bundle as it is now.
    fn is_current(&self, path: &Path) -> Result<bool, Failure> {
        if self.file.is_none() {
            return Ok(false);
        }
        let (name, stamp) = known(path);
        self.database.is_current(&name, &stamp, self.options).map_err(|error| failed(self.file, &error))
    }
}

/// Returns the path by which a file of tables knows a bundle, and what shows that the bundle has changed.
fn known(path: &Path) -> (String, String) {
    // A session in a store changes with the store.
    let store = store_of(path);
    let log = store.as_deref().map(write_ahead_log);
    let stamps = [Some(path), store.as_deref(), log.as_deref()].map(|file| file.map(Stamp::of));
    let stamp = format!("{stamps:?}");
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    (path.to_string_lossy().into_owned(), stamp)
}

/// Says what is wrong with a statement, or with the file of tables.
fn failed(file: Option<&Path>, error: &SqlError) -> Failure {
    let hint = match error {
        SqlError::Foreign => "give --db another file; this one is unchanged",
        SqlError::OtherVersion => "give --db another file, or remove this one: it is made again",
        SqlError::Refused => "give a SELECT; tables are only read",
        SqlError::Several | SqlError::Empty => "give one SELECT after the paths, as one word",
        SqlError::TooLong(_) => "give --max-seconds more, or ask for less",
        SqlError::TooLarge(_) => "give --max-memory-bytes more, or ask for less",
        _ => "`rollout-trace sql --tables` lists the tables and columns",
    };
    match file {
        Some(file) => Failure::new(format!("{}: {error}", file.display()), hint),
        None => Failure::new(error, hint),
    }
}
