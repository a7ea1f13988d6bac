//! From bytes to an answer.

use rollout_trace_schema::WireApi;

use crate::{
    Answer, AnswerStatus, Value,
    chat_completions::ChatCompletions,
    elements::Elements,
    events::{Event, Events},
    generate_content::GenerateContent,
    messages::Messages,
    responses::Responses,
};

/// How many bytes of one line, one event or one document are kept by default.
const DEFAULT_LIMIT: usize = 256 << 20;

/// Assembles an answer from the bytes of a response body.
///
/// The body may be a stream of server-sent events, for `generateContent` also an array of chunks, or the response object
/// itself; its first bytes decide. Content encodings such as gzip have to be removed before.
#[derive(Debug)]
pub struct Assembler {
    body: Body,
    answer: Parts,
    limit: usize,
    /// How many bytes came.
    bytes: usize,
    is_over_limit: bool,
}

/// What has come of a body and is not read yet.
#[derive(Debug)]
enum Body {
    /// Nothing but white space, or a part of a byte order mark.
    Unknown(Vec<u8>),
    Events(Events),
    Elements(Elements),
    Document(Vec<u8>),
}

/// What has come of an answer.
#[derive(Debug)]
enum Parts {
    Responses(Responses),
    Messages(Messages),
    ChatCompletions(Box<ChatCompletions>),
    GenerateContent(GenerateContent),
}

/// An answer of one API that is assembled from events.
pub(crate) trait Assemble {
    /// Takes the next event. `value` is its data.
    fn event(&mut self, name: &str, value: Value);

    /// Takes an event whose data is not JSON.
    fn mark(&mut self, _data: &str) {}

    /// Returns the answer as far as it came.
    fn finish(self) -> Answer;

    /// Returns the response object in a document that is not a stream, or `None` if it is none.
    fn document(value: Value) -> Option<Value>;
}

impl Assembler {
    /// Makes an assembler of answers of an API, or returns `None` if the API is not known.
    pub fn new(api: &WireApi) -> Option<Self> {
        let answer = match api {
            WireApi::Responses => Parts::Responses(Responses::default()),
            WireApi::Messages => Parts::Messages(Messages::default()),
            WireApi::ChatCompletions => Parts::ChatCompletions(Box::default()),
            WireApi::GenerateContent => Parts::GenerateContent(GenerateContent::default()),
            _ => return None,
        };
        let body = Body::Unknown(Vec::new());
        Some(Self { body, answer, limit: DEFAULT_LIMIT, bytes: 0, is_over_limit: false })
    }

    /// Sets how many bytes of a body are read. What comes after them is ignored, and the answer counts as failed.
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Returns whether more bytes came than are read.
    pub fn is_over_limit(&self) -> bool {
        self.is_over_limit
    }

    /// Takes the next bytes of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.bytes);
        self.is_over_limit |= bytes.len() > room;
        let bytes = &bytes[..bytes.len().min(room)];
        self.bytes += bytes.len();
        if let Body::Unknown(before) = &mut self.body {
            before.extend_from_slice(bytes);
            let Some(body) = Body::of(before) else { return };
            let before = std::mem::take(before);
            self.body = body;
            return self.read(&before);
        }
        self.read(bytes);
    }

    fn read(&mut self, bytes: &[u8]) {
        let Self { body, answer, .. } = self;
        match body {
            Body::Unknown(_) => {}
            Body::Events(events) => events.push(bytes, |event| answer.event(&event)),
            Body::Elements(elements) => elements.push(bytes, |element| answer.element(element)),
            Body::Document(document) => document.extend_from_slice(bytes),
        }
    }

    /// Returns the answer as far as it came.
    pub fn finish(self) -> Answer {
        let Self { body, mut answer, is_over_limit, .. } = self;
        let mut answer = match body {
            Body::Unknown(_) => Answer { status: AnswerStatus::Failed, response: None, error: None },
            Body::Events(events) => {
                events.finish(|event| answer.event(&event));
                answer.finish()
            }
            Body::Elements(_) => answer.finish(),
            Body::Document(document) => answer.document(&String::from_utf8_lossy(&document)),
        };
        if is_over_limit {
            answer.status = AnswerStatus::Failed;
            answer.error.get_or_insert_with(|| "the answer is larger than the limit".to_owned());
        }
        answer
    }

    /// Returns how many bytes are kept that are not read yet.
    pub fn pending_bytes(&self) -> usize {
        match &self.body {
            Body::Unknown(bytes) | Body::Document(bytes) => bytes.len(),
            Body::Events(events) => events.bytes(),
            Body::Elements(elements) => elements.bytes(),
        }
    }
}

impl Body {
    /// Returns what a body is that begins with these bytes, or `None` if they do not say.
    fn of(bytes: &[u8]) -> Option<Self> {
        const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
        if BYTE_ORDER_MARK.starts_with(bytes) {
            return None;
        }
        let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        match text.iter().find(|byte| !byte.is_ascii_whitespace())? {
            b'{' => Some(Self::Document(Vec::new())),
            b'[' => Some(Self::Elements(Elements::default())),
            _ => Some(Self::Events(Events::default())),
        }
    }
}

impl Parts {
    fn event(&mut self, event: &Event) {
        match Value::parse(&event.data) {
            Some(value) => self.value(&event.name, value),
            None => match self {
                Self::Responses(parts) => parts.mark(&event.data),
                Self::Messages(parts) => parts.mark(&event.data),
                Self::ChatCompletions(parts) => parts.mark(&event.data),
                Self::GenerateContent(parts) => parts.mark(&event.data),
            },
        }
    }

    fn element(&mut self, element: &[u8]) {
        if let Some(value) = Value::parse(&String::from_utf8_lossy(element)) {
            self.value("", value);
        }
    }

    fn value(&mut self, name: &str, value: Value) {
        match self {
            Self::Responses(parts) => parts.event(name, value),
            Self::Messages(parts) => parts.event(name, value),
            Self::ChatCompletions(parts) => parts.event(name, value),
            Self::GenerateContent(parts) => parts.event(name, value),
        }
    }

    fn finish(self) -> Answer {
        match self {
            Self::Responses(parts) => parts.finish(),
            Self::Messages(parts) => parts.finish(),
            Self::ChatCompletions(parts) => (*parts).finish(),
            Self::GenerateContent(parts) => parts.finish(),
        }
    }

    /// Returns the answer in a body that is not a stream.
    fn document(&self, text: &str) -> Answer {
        let value = Value::parse(text.strip_prefix('\u{FEFF}').unwrap_or(text));
        let error = value.as_ref().and_then(error_text);
        let response = value.filter(|_| error.is_none()).and_then(|value| match self {
            Self::Responses(_) => Responses::document(value),
            Self::Messages(_) => Messages::document(value),
            Self::ChatCompletions(_) => ChatCompletions::document(value),
            Self::GenerateContent(_) => GenerateContent::document(value),
        });
        let status = if response.is_some() { AnswerStatus::Completed } else { AnswerStatus::Failed };
        Answer { status, response, error }
    }
}

/// Returns what a document says about an error, if it is about one.
pub(crate) fn error_text(value: &Value) -> Option<String> {
    let error = value.some_at("error")?;
    let message = error.str_at("message").or_else(|| error.as_str());
    Some(message.map_or_else(|| serde_json::to_string(error).unwrap_or_default(), str::to_owned))
}
