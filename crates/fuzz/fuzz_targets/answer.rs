//! No body of a response makes the assembly of answers panic, and it makes no difference how the body is cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollout_trace_schema::WireApi;
use rollout_trace_wires::{Answer, Assembler};

const APIS: [WireApi; 4] = [WireApi::Responses, WireApi::Messages, WireApi::ChatCompletions, WireApi::GenerateContent];

fn assemble<'b>(api: &WireApi, chunks: impl IntoIterator<Item = &'b [u8]>) -> Answer {
    let mut assembler = Assembler::new(api).expect("the API is known");
    chunks.into_iter().for_each(|bytes| assembler.push(bytes));
    assembler.finish()
}

fuzz_target!(|input: &[u8]| {
    let Some((head, body)) = input.split_first_chunk::<2>() else { return };
    let api = &APIS[usize::from(head[0]) % APIS.len()];
    let size = usize::from(head[1]).max(1);
    assert_eq!(assemble(api, [body]), assemble(api, body.chunks(size)));
});
