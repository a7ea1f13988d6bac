//! The threads of agents.

use rollout_trace_model::{AgentThread, ThreadOrigin};

use crate::{
    column::Declared,
    reduced::{Of, Reduced},
    table::Source,
};

pub(crate) struct Threads;

impl Source for Threads {
    type Row<'r> = Of<'r, AgentThread>;

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        Declared::<Self::Row<'r>>::new(
            "threads",
            "One row per thread, which is one agent with its conversation.",
            &["thread_id"],
        )
        .text("thread_id", "The id of the thread.", |row| row.it.thread_id.as_str().into())
        .name("agent_path", "The agent's place in the tree of agents.", |row| row.it.agent_path.as_str().into())
        .name_or_null("nickname", "The agent's name for people.", |row| row.it.nickname.as_deref().map(Into::into))
        .text("origin", "root, spawned or unknown.", |row| match row.it.origin {
            ThreadOrigin::Root => "root".into(),
            ThreadOrigin::Unknown => "unknown".into(),
            ThreadOrigin::Spawned { .. } => "spawned".into(),
        })
        .text_or_null("parent_thread_id", "The thread that spawned it.", |row| match &row.it.origin {
            ThreadOrigin::Spawned { parent_thread_id, .. } => Some(parent_thread_id.as_str().into()),
            _ => None,
        })
        .name_or_null("task_name", "The name of the agent's task.", |row| match &row.it.origin {
            ThreadOrigin::Spawned { task_name, .. } => Some(task_name.as_str().into()),
            _ => None,
        })
        .name_or_null("agent_role", "The role of the agent, empty if it has none.", |row| match &row.it.origin {
            ThreadOrigin::Spawned { agent_role, .. } => Some(agent_role.as_str().into()),
            _ => None,
        })
        .name_or_null("model", "The default model of the thread's turns.", |row| {
            row.it.default_model.as_deref().map(Into::into)
        })
        .execution()
        .durations()
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        reduced.graph.threads.values().for_each(|it| each(Of { reduced, it }));
    }
}
