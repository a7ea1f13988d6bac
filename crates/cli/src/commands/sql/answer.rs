//! The answer to a statement: a table for people, CSV, or a line of JSON for each row.

use std::io::{self, Write};

use rollout_trace::{answers::first_chars, schema::visible::visible_line};
use rollout_trace_tables::{Cell, Database, SqlError};

use crate::{failure::Failure, output::Output};

/// How many rows decide how wide the columns are.
const MEASURED: usize = 1000;

/// The most characters of a cell that a table shows.
const WIDEST: usize = 80;

/// What stands between columns.
const GAP: &str = "  ";

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As a table for people.
    Table,
    /// As CSV.
    Csv,
    /// As a line of JSON for each row.
    Json,
}

/// Asks a statement, and prints the answer.
pub(super) fn print(database: &mut Database, statement: &str, form: Form, output: &mut Output) -> Result<(), Stopped> {
    match form {
        Form::Table => print_table(database, statement, output),
        Form::Csv | Form::Json => print_data(database, statement, form, output),
    }
}

/// Why an answer ended early.
pub(super) enum Stopped {
    Sql(SqlError),
    Output(Failure),
}

impl From<SqlError> for Stopped {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Output(failure)
    }
}

fn print_data(database: &mut Database, statement: &str, form: Form, output: &mut Output) -> Result<(), Stopped> {
    let names = std::cell::RefCell::new(Vec::new());
    let output = std::cell::RefCell::new(output);
    database.ask(
        statement,
        |found| {
            if form == Form::Csv {
                let cells: Vec<_> = found.iter().map(|name| Cell::Text(name)).collect();
                output.borrow_mut().json(|stdout| write_csv(&cells, stdout))?;
            }
            *names.borrow_mut() = keys(found);
            Ok(())
        },
        |cells| {
            let names = names.borrow();
            let write = |stdout: &mut dyn Write| match form {
                Form::Csv => write_csv(cells, stdout),
                _ => write_json(&names, cells, stdout),
            };
            Ok(output.borrow_mut().json(write)?)
        },
    )
}

/// Returns the keys of the objects that rows are. A name that comes again gets a number.
fn keys(names: Vec<String>) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for name in names {
        let others = (2..).map(|number| format!("{name}_{number}"));
        let key = std::iter::once(name.clone()).chain(others).find(|key| !keys.contains(key));
        keys.push(key.unwrap_or(name));
    }
    keys
}

fn write_json(names: &[String], cells: &[Cell<'_>], stdout: &mut dyn Write) -> io::Result<()> {
    for (place, (name, cell)) in names.iter().zip(cells).enumerate() {
        stdout.write_all(if place == 0 { b"{" } else { b"," })?;
        serde_json::to_writer(&mut *stdout, name)?;
        stdout.write_all(b":")?;
        match cell {
            Cell::Null => stdout.write_all(b"null")?,
            Cell::Integer(number) => write!(stdout, "{number}")?,
            // A number that JSON has not is null.
            Cell::Real(number) => serde_json::to_writer(&mut *stdout, number)?,
            Cell::Text(text) => serde_json::to_writer(&mut *stdout, text)?,
            Cell::Bytes(bytes) => write!(stdout, "\"{}\"", hex(bytes))?,
        }
    }
    stdout.write_all(b"}\n")
}

/// Writes a row of CSV, as RFC 4180 has it, but with line feeds.
fn write_csv(cells: &[Cell<'_>], stdout: &mut dyn Write) -> io::Result<()> {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            stdout.write_all(b",")?;
        }
        let text = text(cell);
        if text.contains(['"', ',', '\n', '\r']) {
            write!(stdout, "\"{}\"", text.replace('"', "\"\""))?;
        } else {
            stdout.write_all(text.as_bytes())?;
        }
    }
    stdout.write_all(b"\n")
}

fn text(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Text(text) => (*text).to_owned(),
        Cell::Bytes(bytes) => hex(bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A table for people. Its first rows are held back until it is known how wide its columns are.
struct Table<'o> {
    output: &'o mut Output,
    rows: Vec<Vec<String>>,
    /// Of each column, the width and whether it has only numbers.
    columns: Vec<(usize, bool)>,
    is_measured: bool,
}

fn print_table(database: &mut Database, statement: &str, output: &mut Output) -> Result<(), Stopped> {
    let table = Table { output, rows: Vec::new(), columns: Vec::new(), is_measured: false };
    let table = std::cell::RefCell::new(table);
    database.ask(
        statement,
        |names| {
            let mut table = table.borrow_mut();
            table.columns = vec![(0, true); names.len()];
            table.rows.push(names.iter().map(|name| visible_line(name).into_owned()).collect());
            Ok(())
        },
        |cells| Ok::<_, Stopped>(table.borrow_mut().add(cells)?),
    )?;
    Ok(table.into_inner().flush()?)
}

impl Table<'_> {
    fn add(&mut self, cells: &[Cell<'_>]) -> Result<(), Failure> {
        for ((_, is_number), cell) in self.columns.iter_mut().zip(cells) {
            *is_number &= self.is_measured || matches!(cell, Cell::Null | Cell::Integer(_) | Cell::Real(_));
        }
        // Escaped here, before the widths of the columns are known.
        let shown = cells.iter().map(|cell| visible_line(&first_chars(&text(cell), WIDEST)).into_owned());
        self.rows.push(shown.collect());
        if self.is_measured || self.rows.len() > MEASURED { self.flush() } else { Ok(()) }
    }

    /// Prints the rows that are held back.
    fn flush(&mut self) -> Result<(), Failure> {
        if !self.is_measured {
            for (place, (width, _)) in self.columns.iter_mut().enumerate() {
                *width = self.rows.iter().map(|row| row[place].chars().count()).max().unwrap_or_default();
            }
            self.is_measured = true;
        }
        for row in std::mem::take(&mut self.rows) {
            let cells = row.iter().zip(&self.columns).map(|(cell, (width, is_number))| match is_number {
                true => format!("{cell:>width$}"),
                false => format!("{cell:width$}"),
            });
            self.output.line(cells.collect::<Vec<_>>().join(GAP).trim_end())?;
        }
        Ok(())
    }
}
