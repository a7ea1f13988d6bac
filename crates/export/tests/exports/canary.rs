//! Without being asked for them, no export holds a word of the texts.

use crate::{made::Made, support::write_scenario};
use rollout_trace_export::Content;

/// A word that is in every text of the rollout below, and in nothing else.
const CANARY: &str = "canary";

/// A rollout with the word in every field that holds content.
const ROLLOUT: &str = r#"
begin
ask i1 {"instructions":"canary rules","input":["user canary prompt","reasoning canary"],"tools":[{"type":"function","name":"ls","description":"canary"}]}
reply i1 {"response_id":"r1","token_usage":null,"output_items":["reasoning canary thoughts","call c1 ls {\"path\":\"canary\"}","custom x1 exec text('canary')"]}
call c1 exec_command {"cmd":"cat canary","workdir":"/canary"}
runs c1 exec_command {"process_id":"1","turn_id":"U","command":["cat","canary"],"cwd":"/canary"}
ran c1 {"process_id":"1","turn_id":"U","command":["cat","canary"],"cwd":"/canary","stdout":"canary","stderr":"canary","exit_code":1,"formatted_output":"canary"}
done c1 {"type":"direct_response","response_item":"output c1 canary"}
cell 1 x1 text('canary')
ask i2 {"input":["user canary prompt","reasoning canary","reasoning canary thoughts","call c1 ls {\"path\":\"canary\"}","output c1 canary","agent /root /root/child canary"]}
inference_failed inference_call_id=i2 error="canary went wrong" partial_response_payload=null
compaction_request_started compaction_id=k1 compaction_request_id=k2 thread_id=T codex_turn_id=U model=m provider_name=p request_payload:compaction_request={"input":["user canary"]}
compaction_request_failed compaction_id=k1 compaction_request_id=k2 error="canary"
compaction_installed compaction_id=k1 checkpoint_payload:compaction_checkpoint={"input_history":["user canary prompt"],"replacement_history":["user canary summary"]}
mystery text="canary"
end
"#;

fn texts(made: &Made) -> Vec<(&'static str, String)> {
    let batches = made.batches.iter().map(|batch| String::from_utf8_lossy(batch).into_owned()).collect();
    vec![
        ("chrome", made.chrome.clone()),
        ("otlp", made.otlp.clone()),
        ("otlp protobuf", batches),
        ("sequence", made.sequence.clone()),
        ("flowchart", made.flowchart.clone()),
        ("dot", made.dot.clone()),
    ]
}

#[test]
fn no_word_of_a_text_is_exported_unasked() {
    for schema in [1, 2, 3] {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        write_scenario(ROLLOUT, schema, folder.path());
        for (format, text) in texts(&Made::of(folder.path(), Content::None)) {
            assert!(!text.contains(CANARY), "{format} in schema {schema}: {text}");
        }
        let full = Made::of(folder.path(), Content::Full);
        for (format, text) in texts(&full).into_iter().filter(|(format, _)| !["flowchart", "dot"].contains(format)) {
            assert!(text.contains(CANARY), "{format} in schema {schema} lacks the texts that were asked for");
        }
        assert!(full.atif.contains(CANARY) && full.inspect.contains(CANARY));
    }
}
