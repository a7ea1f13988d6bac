//! Plays a scenario.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rollout_trace_agent_core::{
    AgentThread, Event, EventMessage, NoTurnRunning, Op, RecordingOutcome, StartThreadError, ThreadEnded, TraceTarget,
    TurnOverrides, UserInput,
};
use rollout_trace_scripted_model::{ScriptedModel, SeenRequest, ServeError};

use crate::{Scenario, scenario::Step};

/// The result of playing a scenario.
#[derive(Debug)]
pub struct Played {
    /// All events in order, or only the latest one if the scenario is forgetful.
    pub events: Vec<Event>,
    /// All requests to the model, without their bodies if the scenario is forgetful.
    pub requests: Vec<SeenRequest>,
    /// The places, counted from 1, of the replies that were not requested.
    pub unused_replies: Vec<usize>,
    /// The bundle, if the rollout was recorded.
    pub bundle: Option<PathBuf>,
    /// What the recording amounts to, if the rollout was recorded.
    pub recording: Option<RecordingOutcome>,
}

/// Why a scenario cannot be played.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlayError {
    /// The scenario's files cannot be written.
    #[error("cannot write the files of the scenario into `{}`", folder.display())]
    Files {
        /// The working folder.
        folder: PathBuf,
        /// The I/O error.
        #[source]
        source: io::Error,
    },
    /// The scripted model does not start.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The agent does not start.
    #[error(transparent)]
    Start(#[from] StartThreadError),
    /// A step of the user waits for an event that never came.
    #[error("the rollout ended before an event that contains {0:?}")]
    NoSuchEvent(String),
    /// A step of the user failed.
    #[error("error in step {step} of the user")]
    Step {
        /// The step, counted from 1.
        step: usize,
        /// The error of the agent.
        #[source]
        source: StepError,
    },
}

/// Why a step of the user failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The thread has already ended.
    #[error(transparent)]
    ThreadEnded(#[from] ThreadEnded),
    /// No turn is running that the user could steer.
    #[error(transparent)]
    NoTurnRunning(#[from] NoTurnRunning),
}

/// The user's side of a rollout.
struct Player<'p> {
    thread: AgentThread,
    events: Vec<Event>,
    /// Whether only the latest event is kept.
    forgetful: bool,
    /// Submissions whose turns have not ended.
    open: Vec<String>,
    show: &'p mut dyn FnMut(&Event),
}

/// Plays a scenario in a folder. `show` receives each event as it comes.
///
/// # Errors
///
/// Returns an error if the scenario cannot be played as it is written.
pub async fn play(
    scenario: &Scenario,
    folder: &Path,
    trace: TraceTarget,
    show: &mut dyn FnMut(&Event),
) -> Result<Played, PlayError> {
    let failed = |source| PlayError::Files { folder: folder.to_owned(), source };
    scenario.setup.write_files(folder).map_err(failed)?;
    let server = ScriptedModel::start(scenario.script.clone()).await?;
    if scenario.setup.forgetful {
        server.forget_bodies();
    }
    let mut config = scenario.setup.config(server.base_url(), folder);
    config.trace = trace;
    let thread = AgentThread::start(config).await?;
    let bundle = thread.trace_folder();
    let forgetful = scenario.setup.forgetful;
    let mut player = Player { thread, events: Vec::new(), forgetful, open: Vec::new(), show };
    for (step, number) in scenario.steps.iter().zip(1..) {
        player.wait_for(step.at.as_deref()).await?;
        player.take(step, folder).await.map_err(|source| PlayError::Step { step: number, source })?;
    }
    player.wait_for(None).await?;
    player.thread.shutdown_and_wait().await;
    while player.next().await {}
    let recording = player.thread.recording_outcome();
    let (requests, unused_replies) = (server.requests(), server.unused_replies());
    Ok(Played { events: player.events, requests, unused_replies, bundle, recording })
}

impl Player<'_> {
    /// Receives the next event. Returns whether there was one.
    async fn next(&mut self) -> bool {
        let Some(event) = self.thread.next_event().await else { return false };
        let ends_submission = matches!(
            event.message,
            EventMessage::TurnComplete { .. } | EventMessage::TurnAborted { .. } | EventMessage::Error { .. }
        );
        // An error within a turn is followed by the turn's end. An error without a turn refuses the submission.
        let is_last = !matches!(event.message, EventMessage::Error { .. }) || event.turn_id.is_none();
        if ends_submission && is_last {
            self.open.retain(|id| Some(id) != event.submission_id.as_ref());
        }
        (self.show)(&event);
        if self.forgetful {
            self.events.clear();
        }
        self.events.push(event);
        true
    }

    /// Receives events until one contains the text or, without a text, until all submissions have ended.
    async fn wait_for(&mut self, text: Option<&str>) -> Result<(), PlayError> {
        match text {
            None => {
                while !self.open.is_empty() && self.next().await {}
                Ok(())
            }
            Some(text) => {
                while self.next().await {
                    let latest = self.events.last().and_then(|event| serde_json::to_string(event).ok());
                    if latest.is_some_and(|json| json.contains(text)) {
                        return Ok(());
                    }
                }
                Err(PlayError::NoSuchEvent(text.to_owned()))
            }
        }
    }

    async fn take(&mut self, step: &Step, folder: &Path) -> Result<(), StepError> {
        let text = |text: &String| [UserInput::Text(text.clone())];
        if let Some(say) = &step.say {
            let overrides = TurnOverrides {
                model: step.model.clone(),
                effort: step.effort,
                cwd: step.cwd.as_ref().map(|cwd| folder.join(cwd)),
            };
            self.submit(Op::UserTurn { input: text(say).into(), overrides })?;
        }
        if step.compact {
            self.submit(Op::Compact)?;
        }
        if step.interrupt {
            self.thread.submit(Op::Interrupt)?;
        }
        if let Some(steer) = &step.steer {
            self.thread.steer_input(&text(steer))?;
        }
        if let Some(inject) = &step.inject {
            self.thread.inject_user_message_without_turn(&text(inject));
        }
        if let Some(pause) = step.pause_ms {
            let (outer, inner) = (self.thread.pause(), self.thread.pause());
            tokio::time::sleep(Duration::from_millis(pause)).await;
            drop((outer, inner));
        }
        Ok(())
    }

    fn submit(&mut self, op: Op) -> Result<(), ThreadEnded> {
        self.open.push(self.thread.submit(op)?);
        Ok(())
    }
}
