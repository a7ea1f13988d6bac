//! Assembles the answer in a file, which holds the body of a response: `assemble WIRE FILE`. Prints its status and the
//! response object as JSON.

use std::{
    env,
    error::Error,
    fs,
    io::{self, Write},
};

use rollout_trace_schema::WireApi;
use rollout_trace_wires::{Assembler, Value};

/// How many bytes are read at a time, so that events are cut as a network cuts them.
const READ: usize = 1 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [wire, file] = arguments.as_slice() else {
        return Err(format!("usage: assemble WIRE FILE, where WIRE is one of {}", WireApi::KNOWN.join(", ")).into());
    };
    let unknown = || format!("{wire:?} is not one of {}", WireApi::KNOWN.join(", "));
    let mut assembler = Assembler::new(&WireApi::from(wire.as_str())).ok_or_else(unknown)?;
    fs::read(file)?.chunks(READ).for_each(|bytes| assembler.push(bytes));
    let answer = assembler.finish();
    let printed = [
        ("status".to_owned(), Value::String(answer.status.as_str().to_owned())),
        ("response".to_owned(), answer.response.unwrap_or(Value::Null)),
    ];
    Ok(writeln!(io::stdout(), "{}", serde_json::to_string(&Value::Object(printed.into()))?)?)
}
