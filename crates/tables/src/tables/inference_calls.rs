//! The requests to models.

use rollout_trace_model::{InferenceCall, TokenUsage};
use rollout_trace_schema::ExecutionStatus;

use crate::{
    column::Declared,
    reduced::{Of, Reduced},
    runs::distinct,
    table::Source,
    value::count,
};

pub(crate) struct InferenceCalls;

impl Source for InferenceCalls {
    type Row<'r> = Of<'r, InferenceCall>;

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        Declared::<Self::Row<'r>>::new(
            "inference_calls",
            "One row per request to a model and its answer.",
            &["inference_call_id"],
        )
        .text("inference_call_id", "The id of the call.", |row| row.it.inference_call_id.as_str().into())
        .text("thread_id", "The thread that made the request.", |row| row.it.thread_id.as_str().into())
        .text_or_null("turn_id", "The turn of the request; null if the evidence does not name it.", |row| {
            row.it.codex_turn_id.as_ref().map(|turn| turn.as_str().into())
        })
        .integer("ordinal", "The number of the call in its thread, from 1.", |row| {
            row.reduced.lookups.call(&row.it.inference_call_id)
        })
        .name("model", "The model.", |row| row.it.model.as_str().into())
        .name("provider", "The provider that serves the model.", |row| row.it.provider_name.as_str().into())
        .text_or_null("response_id", "The provider's id of the response.", |row| {
            row.it.response_id.as_ref().map(|id| id.as_str().into())
        })
        .text_or_null("upstream_request_id", "The provider's id of the request.", |row| {
            row.it.upstream_request_id.as_ref().map(|id| id.as_str().into())
        })
        .execution()
        .usage()
        .integer("request_items", "The number of items of the request.", |row| {
            count(distinct(&row.it.request_item_ids))
        })
        .integer("request_items_new", "Those that no earlier request had and no model made.", |row| {
            count(row.reduced.relations.new_items(&row.it.inference_call_id).len())
        })
        .integer("response_items", "The number of items of the response.", |row| count(row.it.response_item_ids.len()))
        .flag("failed", "Whether the call failed. One that was canceled did not.", |row| {
            row.it.execution.status == ExecutionStatus::Failed
        })
        .name_or_null("cancel_reason", "Why the call was canceled.", |row| {
            row.it.cancel_reason.as_deref().map(Into::into)
        })
        .text_or_null("request_payload", "The payload of the request.", |row| {
            row.it.raw_request_payload_id.as_ref().map(|id| id.as_str().into())
        })
        .text_or_null("response_payload", "The payload of the response.", |row| {
            row.it.raw_response_payload_id.as_ref().map(|id| id.as_str().into())
        })
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        reduced.graph.inference_calls.values().for_each(|it| each(Of { reduced, it }));
    }
}

impl Declared<Of<'_, InferenceCall>> {
    fn usage(self) -> Self {
        fn reported<'r>(row: &'r Of<'_, InferenceCall>) -> Option<&'r TokenUsage> {
            row.it.usage.as_ref()
        }
        self.integer_or_null("input_tokens", "The reported input tokens, cached ones included.", |row| {
            reported(row).map(|usage| usage.input_tokens)
        })
        .integer_or_null("cached_input_tokens", "Those that were read from the provider's cache.", |row| {
            reported(row).map(|usage| usage.cached_input_tokens)
        })
        .integer_or_null("cache_write_input_tokens", "Those that were written to the provider's cache.", |row| {
            reported(row).map(|usage| usage.cache_write_input_tokens)
        })
        .integer_or_null("output_tokens", "The reported output tokens.", |row| {
            reported(row).map(|usage| usage.output_tokens)
        })
        .integer_or_null("reasoning_output_tokens", "Those that were used for reasoning.", |row| {
            reported(row).map(|usage| usage.reasoning_output_tokens)
        })
    }
}
