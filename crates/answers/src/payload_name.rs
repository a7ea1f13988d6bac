//! Names of payloads.

use rollout_trace_schema::{PayloadRef, RawPayloadId};

/// What a person or an agent calls a payload: its id, its number, its file, or as answers print it (`raw_payload:7`,
/// `7`, `payloads/7.json`, `payload:7`, `payload 7`).
///
/// ```
/// use rollout_trace_answers::PayloadName;
/// use rollout_trace_schema::{PayloadKind, PayloadRef};
///
/// let payload = PayloadRef::at_path("raw_payload:7", PayloadKind::ProtocolEvent, "payloads/7.json");
/// for name in ["raw_payload:7", "7", "payloads/7.json", "payload:7", "payload 7"] {
///     assert_eq!(PayloadName::new(name).find(&payload), Some(&payload));
/// }
/// assert_eq!(PayloadName::new("8").find(&payload), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadName {
    name: String,
    id: String,
}

/// How a payload's number can be written, as what is before and after it.
const FORMS: [(&str, &str); 4] = [("raw_payload:", ""), ("payload:", ""), ("payload ", ""), ("payloads/", ".json")];

impl PayloadName {
    /// Reads a name.
    pub fn new(name: &str) -> Self {
        let name = name.trim();
        let number = FORMS.iter().find_map(|(before, after)| name.strip_prefix(before)?.strip_suffix(after));
        Self { name: name.to_owned(), id: format!("raw_payload:{}", number.unwrap_or(name)) }
    }

    /// Returns the id that a payload with this name usually has.
    pub fn usual_id(&self) -> RawPayloadId {
        self.id.as_str().into()
    }

    /// Returns the payload with this name: the one that is referred to, or one of its parts at any depth.
    pub fn find<'r>(&self, reference: &'r PayloadRef) -> Option<&'r PayloadRef> {
        let id = reference.raw_payload_id.as_str();
        if id == self.name || id == self.id {
            return Some(reference);
        }
        reference.parts.iter().find_map(|part| self.find(part))
    }
}

/// Returns how text names a payload.
pub(crate) fn payload_words(payload: &RawPayloadId) -> String {
    payload.replace("raw_payload:", "payload ")
}
