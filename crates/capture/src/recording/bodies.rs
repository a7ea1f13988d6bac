//! What was seen of an exchange after its request's head.

use std::time::SystemTime;

use rollout_trace_recorder::WireApi;
use rollout_trace_wires::{Answer, Assembler};

use crate::{
    Body, Copied, Headers, Missing, ResponseSeen, What,
    decompress::Decoder,
    tap::{MAX_ANSWER_BYTES, MAX_REQUEST_BYTES, Share},
};

/// What was seen of an exchange after its request's head.
pub(super) struct Bodies {
    request: Option<Copied>,
    answer: AnswerBody,
    pub(super) request_bytes: u64,
    pub(super) answer_bytes: u64,
    pub(super) request_missing: Option<Missing>,
    pub(super) answer_missing: Option<Missing>,
    pub(super) head: Option<ResponseSeen>,
    pub(super) started_at: SystemTime,
    pub(super) first_byte_at: Option<SystemTime>,
}

/// The body of an answer.
enum AnswerBody {
    /// Its API is not known, because the request is still arriving.
    Waiting(Vec<Copied>),
    Read(Box<AnswerReader>),
}

impl Bodies {
    pub(super) fn new(started_at: SystemTime) -> Self {
        Self {
            request: None,
            answer: AnswerBody::Waiting(Vec::new()),
            request_bytes: 0,
            answer_bytes: 0,
            request_missing: None,
            answer_missing: None,
            head: None,
            started_at,
            first_byte_at: None,
        }
    }

    /// Adds what was seen. The answer of a call is read as it comes.
    pub(super) fn add(&mut self, what: What, at: SystemTime, api: Option<&WireApi>) {
        match what {
            What::RequestData(data) => {
                self.request_bytes += data.len() as u64;
                match &mut self.request {
                    Some(before) => before.append(data),
                    None => self.request = Some(data),
                }
            }
            What::Response(head) => {
                self.first_byte_at = Some(at);
                self.head = Some(head);
            }
            What::ResponseData(data) => {
                self.answer_bytes += data.len() as u64;
                self.read_answer(Some(data), api);
            }
            What::Missed { bytes, body: Body::Request, why } => {
                self.request_bytes += bytes;
                self.request_missing = Some(why);
                self.request = None;
            }
            What::Missed { bytes, body: Body::Answer, why } => {
                self.answer_bytes += bytes;
                self.answer_missing = Some(why);
            }
            What::Request(_) | What::RequestEnd | What::Tunneled { .. } | What::End(_) => {}
        }
    }

    /// Makes those of a request that came as one message of a WebSocket.
    pub(super) fn of_message(length: usize, head: ResponseSeen, started_at: SystemTime) -> Self {
        let answer = AnswerBody::Read(Box::new(AnswerReader::new(&WireApi::Responses, "")));
        Self { answer, request_bytes: length as u64, head: Some(head), ..Self::new(started_at) }
    }

    /// Adds a message of a WebSocket, which is an event of the answer.
    pub(super) fn add_event(&mut self, message: &[u8], at: SystemTime) {
        self.first_byte_at.get_or_insert(at);
        self.answer_bytes += message.len() as u64;
        if let AnswerBody::Read(reader) = &mut self.answer {
            // Between the values of a JSON text, an end of line is a space.
            let line: Vec<u8> =
                message.iter().map(|&byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }).collect();
            [&b"data: "[..], &line, b"\n\n"].iter().for_each(|bytes| reader.push(bytes));
        }
    }

    fn read_answer(&mut self, data: Option<Copied>, api: Option<&WireApi>) {
        match (&mut self.answer, api) {
            (AnswerBody::Waiting(copies), None) => copies.extend(data),
            (AnswerBody::Waiting(copies), Some(api)) => {
                let head = self.head.as_ref();
                let encoding = head.and_then(|head| head.headers.get("content-encoding")).unwrap_or_default();
                let mut reader = Box::new(AnswerReader::new(api, encoding));
                std::mem::take(copies).into_iter().chain(data).for_each(|copy| reader.push_copy(copy));
                self.answer = AnswerBody::Read(reader);
            }
            (AnswerBody::Read(reader), _) => data.into_iter().for_each(|copy| reader.push_copy(copy)),
        }
    }

    /// Takes the request's body, without its compression, if it is complete.
    pub(super) fn request_body(&mut self, headers: &Headers) -> Option<Vec<u8>> {
        let (body, _share) = self.request.take().map(Copied::into_parts).unzip();
        let body = body.unwrap_or_default();
        if self.request_missing.is_some() {
            return None;
        }
        let encoding = headers.get("content-encoding").unwrap_or_default();
        let mut decoder = Decoder::new(encoding, MAX_REQUEST_BYTES);
        if !decoder.is_needed() {
            return Some(body);
        }
        let mut bytes = decoder.push(&body).into_owned();
        let (last, problem) = decoder.end();
        bytes.extend_from_slice(&last);
        problem.is_none().then_some(bytes)
    }

    /// Takes the answer of a call as far as it came.
    pub(super) fn take_answer(&mut self, api: &WireApi) -> ReadAnswer {
        self.read_answer(None, Some(api));
        match std::mem::replace(&mut self.answer, AnswerBody::Waiting(Vec::new())) {
            AnswerBody::Read(reader) => reader.finish(),
            AnswerBody::Waiting(_) => unreachable!("read above"),
        }
    }
}

/// Reads an answer as it comes, so that its copies are freed at once.
struct AnswerReader {
    decoder: Decoder,
    assembler: Assembler,
    /// The first bytes of the body, which may say why the call failed.
    start: Vec<u8>,
    /// What the assembled answer may take of the memory for copies.
    share: Option<Share>,
    is_out_of_memory: bool,
}

/// An answer that was read.
pub(super) struct ReadAnswer {
    pub(super) answer: Answer,
    /// The first bytes of the body.
    pub(super) start: Vec<u8>,
    /// Why the rest of the body could not be read.
    pub(super) problem: Option<String>,
}

/// How many bytes at the start of an answer are kept.
const START: usize = 4 << 10;

impl AnswerReader {
    fn new(api: &WireApi, encoding: &str) -> Self {
        let assembler = Assembler::new(api).expect("the APIs of calls are known");
        Self {
            decoder: Decoder::new(encoding, MAX_ANSWER_BYTES),
            assembler: assembler.with_limit(MAX_ANSWER_BYTES),
            start: Vec::new(),
            share: None,
            is_out_of_memory: false,
        }
    }

    fn push_copy(&mut self, copy: Copied) {
        let (bytes, share) = copy.into_parts();
        match &mut self.share {
            Some(own) => own.join(share),
            None => self.share = Some(share),
        }
        self.push(&bytes);
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.is_out_of_memory {
            return;
        }
        let bytes = self.decoder.push(bytes);
        // An assembled answer is no larger than its body.
        if self.decoder.is_needed()
            && let Some(share) = &mut self.share
            && !share.grow(bytes.len())
        {
            self.is_out_of_memory = true;
            return;
        }
        self.start.extend_from_slice(&bytes[..bytes.len().min(START - self.start.len())]);
        self.assembler.push(&bytes);
    }

    fn finish(self) -> ReadAnswer {
        let Self { decoder, mut assembler, mut start, is_out_of_memory, .. } = self;
        let (last, mut problem) = decoder.end();
        if is_out_of_memory {
            problem = Some("the recording fell behind and lacks the rest".to_owned());
        } else {
            start.extend_from_slice(&last[..last.len().min(START - start.len())]);
            assembler.push(&last);
        }
        ReadAnswer { answer: assembler.finish(), start, problem }
    }
}
