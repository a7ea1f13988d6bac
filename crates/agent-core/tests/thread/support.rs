//! A rollout with a scripted model.

use std::time::Duration;

use rollout_trace_agent_core::{AgentConfig, AgentThread, Event, EventMessage, Op, Provider, TraceTarget, UserInput};
use rollout_trace_scripted_model::{Script, ScriptedModel};
use tokio::time::timeout;

pub(crate) const ANSWERS: &str = r#"
[[reply]]
usage = { input_tokens = 20, cached_tokens = 5, output_tokens = 3, reasoning_tokens = 1 }
[[reply.item]]
say = "One."
[[reply]]
[[reply.item]]
say = "Two."
"#;

/// Longer than any step takes, even on a busy machine.
pub(crate) const HANG: Duration = Duration::from_secs(60);

pub(crate) struct Rollout {
    pub(crate) thread: AgentThread,
    pub(crate) server: ScriptedModel,
    pub(crate) folder: tempfile::TempDir,
}

impl Rollout {
    pub(crate) async fn new(script: &str, adapt: impl FnOnce(&mut AgentConfig)) -> Self {
        let server = ScriptedModel::start(Script::parse("test", script).unwrap()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let provider = Provider { name: "script".to_owned(), base_url: server.base_url(), api_key: None };
        let mut config = AgentConfig::new(provider, "scripted-1", folder.path());
        config.trace = TraceTarget::Off;
        config.commands.login_shell = Some(false);
        config.retries.first_delay = Duration::from_millis(1);
        adapt(&mut config);
        Self { thread: AgentThread::start(config).await.unwrap(), server, folder }
    }

    /// Waits for the next event that `is_wanted`, and returns it.
    pub(crate) async fn event(&self, is_wanted: impl Fn(&EventMessage) -> bool) -> Event {
        let look = async {
            loop {
                let event = self.thread.next_event().await.expect("the rollout has not ended");
                if is_wanted(&event.message) {
                    return event;
                }
            }
        };
        timeout(HANG, look).await.expect("the event arrives in time")
    }

    pub(crate) async fn turn_end(&self) -> Event {
        self.event(|message| matches!(message, EventMessage::TurnComplete { .. } | EventMessage::TurnAborted { .. }))
            .await
    }

    /// Starts a turn that fails, and returns its error message.
    pub(crate) async fn failure(&self, text: &str) -> String {
        self.thread.submit(Op::say(text)).unwrap();
        let is_end =
            |message: &EventMessage| matches!(message, EventMessage::Error { .. } | EventMessage::TurnComplete { .. });
        let end = self.event(is_end).await;
        let EventMessage::Error { message } = end.message else { panic!("{end:?}") };
        self.turn_end().await;
        message
    }

    pub(crate) async fn turn(&self, text: &str) -> Event {
        self.thread.submit(Op::say(text)).unwrap();
        self.turn_end().await
    }
}

pub(crate) fn text(text: &str) -> [UserInput; 1] {
    [UserInput::Text(text.to_owned())]
}
