//! The lists of payloads in objects.

use rollout_trace_model::ObjectRef;
use rollout_trace_schema::{PayloadRef, RawPayloadId};

use crate::{
    graph::Key,
    map::{HashMap, HashSet},
};

/// Up to this many payloads are searched one by one.
const SEARCHED: usize = 8;

/// Adds payloads to the lists of objects, each payload once.
///
/// Most objects have few payloads. The lists that have outgrown [`SEARCHED`] have an index.
#[derive(Debug, Default)]
pub(crate) struct PayloadLists {
    large: HashMap<ObjectRef, HashSet<RawPayloadId>>,
}

impl PayloadLists {
    /// Adds a payload to the list of an object, unless it is there already.
    pub(crate) fn add(&mut self, object: &impl Key, list: &mut Vec<RawPayloadId>, reference: &PayloadRef) {
        let id = &reference.raw_payload_id;
        let is_new = if list.len() <= SEARCHED {
            !list.contains(id)
        } else {
            let known = self.large.entry(object.object_ref()).or_insert_with(|| list.iter().cloned().collect());
            known.insert(id.clone())
        };
        if is_new {
            list.push(id.clone());
        }
    }
}
