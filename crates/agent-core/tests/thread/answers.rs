//! Answers of a provider, valid and invalid.

use std::time::Duration;

use rollout_trace_agent_core::{AgentConfig, AgentStatus, CompactionBy, EventMessage, Item, Op};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{HANG, Rollout};

#[tokio::test]
async fn a_silent_stream_is_retried() {
    let script =
        "[[reply]]\nend = \"stall\"\n[[reply.item]]\nsay = \"Well\"\n[[reply]]\n[[reply.item]]\nsay = \"Now.\"";
    let rollout = Rollout::new(script, |config| config.stream_idle_limit = Duration::from_secs(3)).await;
    let end = rollout.turn("Speak.").await;
    assert!(
        matches!(&end.message, EventMessage::TurnComplete { last_agent_message: Some(text), .. } if text == "Now.")
    );
    assert_eq!(rollout.server.requests().len(), 2);
}

#[tokio::test]
async fn unsealed_reasoning_stays_out_of_the_history() {
    let script = "[[reply]]\n[[reply.item]]\nthink = \"Hm.\"\n[[reply.item]]\nsay = \"One.\"\n\
                  [[reply]]\n[[reply.item]]\nsay = \"Two.\"";
    for (sealed, kinds) in [(true, "message reasoning message message"), (false, "message message message")] {
        let rollout = Rollout::new(script, |config| config.sealed_reasoning = sealed).await;
        rollout.turn("Think.").await;
        rollout.turn("Again.").await;
        let body = rollout.server.requests()[1].body.clone();
        let input: Vec<_> =
            body["input"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
        assert_eq!((input.join(" ").as_str(), body["include"].is_array()), (kinds, sealed));
    }
}

#[tokio::test]
async fn an_unreachable_provider_is_reported() {
    let nowhere = |config: &mut AgentConfig| {
        config.provider.base_url = "http://127.0.0.1:9/v1".to_owned();
        config.retries.retries = 1;
    };
    let rollout = Rollout::new("", nowhere).await;
    rollout.thread.submit(Op::say("Anybody?")).unwrap();
    let event = rollout.event(|message| matches!(message, EventMessage::Error { .. })).await;
    let EventMessage::Error { message } = event.message else { unreachable!() };
    assert!(message.starts_with("cannot connect to the model at http://127.0.0.1:9/v1/responses: "), "{message}");
    assert!(matches!(rollout.thread.agent_status(), AgentStatus::Errored(_) | AgentStatus::Running));
}

#[tokio::test]
async fn the_key_goes_to_the_provider_and_not_to_commands() {
    // Cargo sets both variables. The first one represents the variable that contains the key.
    let script = "[[reply]]\n[[reply.item]]\ncall = \"exec_command\"\n\
                  arguments = { cmd = \"echo [$CARGO_PKG_NAME][$CARGO_PKG_VERSION]\" }\n\
                  [[reply]]\n[[reply.item]]\nsay = \"Nothing to see.\"";
    let rollout = Rollout::new(script, |config| {
        config.provider.api_key = Some("sk-secret".to_owned());
        config.hidden_env = vec!["CARGO_PKG_NAME".to_owned()];
    })
    .await;
    rollout.turn("Look for the key.").await;
    let requests = rollout.server.requests();
    let key = requests[0].headers.iter().find(|(name, _)| name == "authorization").unwrap();
    assert_eq!(key.1, "Bearer sk-secret");
    let seen = requests[1].body["input"][2]["output"].as_str().unwrap();
    assert!(seen.contains(concat!("[][", env!("CARGO_PKG_VERSION"), "]")), "{seen}");
}

#[tokio::test]
async fn calls_of_a_broken_answer_do_not_affect_the_next_turn() {
    let script = r#"
[[reply]]
end = "failed"
[[reply.item]]
call = "exec_command"
arguments = { cmd = "echo never" }
[[reply]]
[[reply.item]]
say = "All is well."
"#;
    let rollout = Rollout::new(script, |config| config.retries.first_delay = HANG * 2).await;
    rollout.thread.submit(Op::say("Begin.")).unwrap();
    rollout.event(|message| matches!(message, EventMessage::Retrying { .. })).await;
    rollout.thread.submit(Op::Interrupt).unwrap();
    let stopped = rollout.turn_end().await;
    assert!(matches!(stopped.message, EventMessage::TurnAborted { .. }), "{stopped:?}");
    let kinds: Vec<_> = rollout.thread.history().iter().map(|item| item.kind().to_owned()).collect();
    assert_eq!(kinds, ["message", "function_call", "function_call_output"]);
    let end = rollout.turn("Go on.").await;
    assert!(matches!(end.message, EventMessage::TurnComplete { .. }), "{end:?}");
}

#[tokio::test]
async fn each_message_of_an_answer_is_emitted_before_the_next_one_begins() {
    let script = "[[reply]]\n[[reply.item]]\nsay = \"One.\"\n[[reply.item]]\nsay = \"Two.\"";
    let rollout = Rollout::new(script, |_| {}).await;
    rollout.thread.submit(Op::say("Count.")).unwrap();
    let mut messages = String::new();
    loop {
        match rollout.event(|_| true).await.message {
            EventMessage::AgentMessageDelta { delta } => messages += &delta,
            EventMessage::AgentMessage { text } => messages += &format!("[{text}]"),
            EventMessage::TurnComplete { .. } => break,
            _ => {}
        }
    }
    assert_eq!(messages, "One.[One.]Two.[Two.]");
}

#[tokio::test]
async fn an_incomplete_answer_is_kept_once_and_fails_the_turn() {
    let script = "[[reply]]\nend = \"incomplete\"\n[[reply.item]]\nsay = \"This is half of\"";
    let rollout = Rollout::new(script, |_| {}).await;
    rollout.thread.submit(Op::say("Begin.")).unwrap();
    let error =
        rollout.event(|message| matches!(message, EventMessage::Error { .. } | EventMessage::Retrying { .. })).await;
    let EventMessage::Error { message } = error.message else { panic!("{error:?}") };
    assert_eq!(message, "the model's answer is incomplete: max_output_tokens");
    assert!(matches!(rollout.turn_end().await.message, EventMessage::TurnAborted { .. }));
    let texts: Vec<_> = rollout.thread.history().iter().map(|item| item.message_text()).collect();
    assert_eq!(texts, ["Begin.", "This is half of"]);
}

#[tokio::test]
async fn a_call_without_an_id_fails_its_turn_and_stays_out_of_the_history() {
    for (kind, call_id) in
        [("function_call", ""), ("custom_tool_call", "call_id = \"\", "), ("function_call", "call_id = 7, ")]
    {
        let script = format!(
            "[[reply]]\n[[reply.item]]\nsay = \"I look.\"\n[[reply.item]]\n\
             raw = {{ type = \"{kind}\", {call_id}name = \"exec_command\", arguments = \"{{}}\", input = \"\" }}\n\
             [[reply]]\n[[reply.item]]\nsay = \"All is well.\""
        );
        let rollout = Rollout::new(&script, |_| {}).await;
        let expected = "the answer of the model's provider cannot be read: the call of \"exec_command\" has no call_id";
        assert_eq!(rollout.failure("Look.").await, expected);
        let kinds: Vec<_> = rollout.thread.history().iter().map(|item| item.kind().to_owned()).collect();
        assert_eq!(kinds, ["message", "message"]);
        let end = rollout.turn("Go on.").await;
        assert!(matches!(end.message, EventMessage::TurnComplete { .. }), "{end:?}");
    }
}

#[tokio::test]
async fn two_calls_with_one_id_fail_their_turn() {
    let call =
        r#"raw = { type = "function_call", call_id = "c", name = "exec_command", arguments = '{"cmd": "true"}' }"#;
    let script = format!(
        "[[reply]]\n[[reply.item]]\n{call}\n[[reply.item]]\n{call}\n\
                          [[reply]]\n[[reply.item]]\nsay = \"All is well.\""
    );
    let rollout = Rollout::new(&script, |_| {}).await;
    let expected = "the answer of the model's provider cannot be read: two calls have the call_id \"c\"";
    assert_eq!(rollout.failure("Look.").await, expected);
    let end = rollout.turn("Go on.").await;
    assert!(matches!(end.message, EventMessage::TurnComplete { .. }), "{end:?}");
}

#[tokio::test]
async fn a_call_id_that_a_later_answer_repeats_names_another_call() {
    let call = |cmd: &str| {
        format!(
            "[[reply]]\n[[reply.item]]\nraw = {{ type = \"function_call\", call_id = \"c\", name = \"exec_command\", \
             arguments = '{{\"cmd\": \"{cmd}\", \"yield_time_ms\": 250}}' }}\n"
        )
    };
    // A provider's id may look like a derived id.
    let odd = call("echo hello").replace("call_id = \"c\"", "call_id = \"c#2\"");
    let script = call("sleep 600") + &call("echo hello") + &odd + "[[reply]]\n[[reply.item]]\nsay = \"Well.\"";
    let rollout = Rollout::new(&script, |_| {}).await;
    rollout.thread.submit(Op::say("Run.")).unwrap();
    let mut began = Vec::new();
    loop {
        match rollout.event(|_| true).await.message {
            EventMessage::ToolCallBegan { call_id, .. } | EventMessage::CommandBegan { call_id, .. } => {
                began.push(call_id);
            }
            EventMessage::TurnComplete { .. } => break,
            _ => {}
        }
    }
    assert_eq!(began, ["c", "c", "c#2", "c#2", "c#2#2", "c#2#2"]);
    // The model knows the calls by the provider's ids.
    let history = rollout.thread.history();
    let shown: Vec<_> = history.iter().filter(|item| item.kind() != "message").collect();
    assert_eq!(
        shown.iter().map(|item| item.text_field("call_id")).collect::<Vec<_>>(),
        ["c", "c", "c", "c", "c#2", "c#2"]
    );
}

#[tokio::test]
async fn comments_and_empty_data_in_a_stream_are_ignored() {
    // The scripted model does not send such lines.
    let stream = ": hello\n\ndata:\n\nevent: ping\ndata: \n\ndata: {\"type\": \"response.new_thing\"}\n\n\
                  data: {\"type\": \"response.completed\", \"response\": {\"id\": \"r\"}}\n\ndata: [DONE]\n\n";
    let url = answering(vec![("200 OK", stream.to_owned())]).await;
    let rollout = Rollout::new("", |config| config.provider.base_url = url).await;
    let end = rollout.turn("Hello?").await;
    assert!(matches!(end.message, EventMessage::TurnComplete { .. }), "{end:?}");
}

#[tokio::test]
async fn a_call_of_which_a_piece_was_lost_does_not_run() {
    let item = "{\"type\": \"function_call\", \"call_id\": \"c\", \"name\": \"exec_command\", \"arguments\": \"\"}";
    let delta = |text: &str| {
        let data = json!({"type": "response.function_call_arguments.delta", "output_index": 0, "delta": text});
        format!("data: {data}\n\n")
    };
    let added =
        format!("data: {{\"type\": \"response.output_item.added\", \"output_index\": 0, \"item\": {item}}}\n\n");
    // What is left of the arguments is valid.
    let lost = delta(" && test -e ran").replace("delta\":", "delt");
    let completed = "data: {\"type\": \"response.completed\", \"response\": {\"id\": \"r\"}}\n\n";
    let call =
        [&added, &delta("{\"cmd\": \"touch ran"), &lost, &delta("\"}"), completed].map(|part: &str| part).concat();
    let message = format!(
        "data: {}\n\n{completed}",
        json!({"type": "response.output_text.delta", "output_index": 0, "delta": "Then not."})
    );
    let url = answering(vec![("200 OK", call), ("200 OK", message)]).await;
    let rollout = Rollout::new("", |config| config.provider.base_url = url).await;
    let end = rollout.turn("Run.").await;
    assert!(
        matches!(&end.message, EventMessage::TurnComplete { last_agent_message: Some(text), .. } if text == "Then not."),
        "{end:?}"
    );
    assert!(!rollout.folder.path().join("ran").exists());
    let history = rollout.thread.history();
    let output = history.iter().find(|item| item.kind() == "function_call_output").unwrap();
    assert_eq!(output.text_field("output"), "not run: a part of this call was lost on its way; make the call again");
}

#[tokio::test]
async fn items_may_arrive_only_with_the_completion() {
    let message = |text: &str| {
        format!(
            "{{\"type\": \"message\", \"role\": \"assistant\", \"content\": [{{\"type\": \"output_text\", \"text\": \"{text}\"}}]}}"
        )
    };
    let completed = |output: &str| {
        format!(
            "data: {{\"type\": \"response.completed\", \"response\": {{\"id\": \"r\", \"output\": [{output}]}}}}\n\n"
        )
    };
    let only_here = completed(&message("hello"));
    let item = format!("data: {{\"type\": \"response.output_item.done\", \"item\": {}}}\n\n", message("once"));
    let here_too = item + &completed(&message("once"));
    let no_item = completed("7");
    let url = answering([only_here, here_too, no_item].map(|stream| ("200 OK", stream)).to_vec()).await;
    let rollout = Rollout::new("", |config| {
        config.provider.base_url = url;
        config.retries.retries = 0;
    })
    .await;
    for text in ["hello", "once"] {
        let end = rollout.turn("Speak.").await;
        let EventMessage::TurnComplete { last_agent_message, .. } = end.message else { panic!("{end:?}") };
        assert_eq!(last_agent_message.as_deref(), Some(text));
    }
    let said = rollout.thread.history().iter().filter(|item| item.text_field("role") == "assistant").count();
    assert_eq!(said, 2);
    let message = rollout.failure("Speak.").await;
    assert!(message.contains("an item is not an object"), "{message}");
}

/// Starts a server that answers each request with the next body and closes the connection. Returns its URL.
async fn answering(answers: Vec<(&'static str, String)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            // The answer may be sent before the request's body has been read.
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                assert!(stream.read_buf(&mut request).await.unwrap() > 0);
            }
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            // The client closes the connection once it has read enough.
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(body.as_bytes()).await;
            let _ = stream.shutdown().await;
            while stream.read_buf(&mut request).await.is_ok_and(|length| length > 0) {
                request.clear();
            }
        }
    });
    url
}

#[tokio::test]
async fn a_page_instead_of_a_stream_is_reported_and_not_retried() {
    let url = answering(vec![("200 OK\r\ncontent-type: text/html; charset=utf-8", "<html></html>".to_owned())]).await;
    let rollout = Rollout::new("", |config| config.provider.base_url.clone_from(&url)).await;
    rollout.thread.submit(Op::say("Speak.")).unwrap();
    let is_reported =
        |message: &EventMessage| matches!(message, EventMessage::Error { .. } | EventMessage::Retrying { .. });
    let reported = rollout.event(is_reported).await.message;
    let EventMessage::Error { message } = reported else { panic!("{reported:?}") };
    let expected = format!("{url}/responses returned text/html instead of a stream of events");
    assert!(message.ends_with(&expected), "{message}");
}

#[tokio::test]
async fn the_memory_of_an_answer_is_bounded() {
    const BOUND: usize = 64 << 20;
    let completed = "data: {\"type\": \"response.completed\", \"response\": {\"id\": \"r\"}}\n\n";
    let event =
        |length: usize| format!("data: {{\"type\": \"filler\", \"of\": \"{}\"}}\n\n{completed}", "x".repeat(length));
    let compacted = |length: usize| {
        let sealed = "x".repeat(length);
        format!("{{\"output\": [{{\"type\": \"compaction\", \"encrypted_content\": \"{sealed}\"}}]}}")
    };
    // Returns the error, or "completed", if the provider returns only an answer with this status and body.
    let outcome = async |op: Op, status: &'static str, body: String| {
        let url = answering(vec![(status, body)]).await;
        let rollout = Rollout::new("", |config| {
            config.provider.base_url = url;
            config.retries.retries = 0;
            config.compaction.by = CompactionBy::Provider;
            config.history_items = vec![Item::user_text("Hi.")];
        })
        .await;
        rollout.thread.submit(op).unwrap();
        let is_end =
            |message: &EventMessage| matches!(message, EventMessage::Error { .. } | EventMessage::TurnComplete { .. });
        match rollout.event(is_end).await.message {
            EventMessage::Error { message } => message,
            _ => "completed".to_owned(),
        }
    };
    let say = || Op::say("Speak.");
    assert_eq!(outcome(say(), "200 OK", event(BOUND / 2)).await, "completed");
    let too_long = "the answer of the model's provider cannot be read: the event of the stream is longer than 64 MiB";
    assert_eq!(outcome(say(), "200 OK", event(BOUND)).await, too_long);
    assert_eq!(outcome(Op::Compact, "200 OK", compacted(BOUND / 2)).await, "completed");
    let too_long = "the answer of the model's provider cannot be read: the compacted history is longer than 64 MiB";
    assert_eq!(outcome(Op::Compact, "200 OK", compacted(BOUND)).await, too_long);
    // The reason is within the part of the page that is read, or after it.
    let page =
        |length: usize| format!("{{\"error\": {{\"filler\": \"{}\", \"message\": \"why\"}}}}", "x".repeat(length));
    let refused = "the model's provider returned 400 Bad Request: ";
    assert_eq!(outcome(say(), "400 Bad Request", page(60 << 10)).await, format!("{refused}why"));
    let shown = outcome(say(), "400 Bad Request", page(64 << 10)).await;
    assert!(shown.starts_with(&format!("{refused}{{\"error\": {{\"filler\": \"xxx")), "{shown:.300}");
    assert_eq!(shown.chars().count(), refused.len() + 501);
}
