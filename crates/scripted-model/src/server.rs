//! The server.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue},
    response::Response,
    routing::post,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    Endpoint, Script, SeenRequest, ServeError,
    answer::bad_request,
    dialogue::Dialogue,
    script::{After, End},
};

/// A server on loopback that answers from a script. It stops when it is dropped.
#[derive(Debug)]
pub struct ScriptedModel {
    address: SocketAddr,
    dialogue: Shared,
    task: JoinHandle<()>,
}

#[derive(Clone, Debug)]
struct Shared {
    dialogue: Arc<Mutex<Dialogue>>,
    /// Counts requests.
    requests: watch::Sender<u64>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Dialogue> {
        self.dialogue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until another agent has asked what it must have asked first.
    async fn wait_for(&self, after: &After) {
        // The sender is `self`, so there is always an answer.
        let _ = self.requests.subscribe().wait_for(|_| self.lock().has_come(after)).await;
    }
}

impl ScriptedModel {
    /// Starts a server on a free port.
    ///
    /// # Errors
    ///
    /// There is none.
    pub async fn start(script: Script) -> Result<Self, ServeError> {
        Self::start_on(script, 0).await
    }

    /// Starts a server on a given port; 0 for any that is free.
    ///
    /// # Errors
    ///
    /// The port cannot be listened on.
    pub async fn start_on(script: Script, port: u16) -> Result<Self, ServeError> {
        let failed = |source| ServeError { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let dialogue =
            Shared { dialogue: Arc::new(Mutex::new(Dialogue::new(script))), requests: watch::Sender::new(0) };
        let routes = Router::new()
            .route("/v1/responses", post(respond))
            .route("/v1/responses/compact", post(compact))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(dialogue.clone());
        let task = tokio::spawn(async move {
            // Only a listener that is gone ends this, and nobody would be there to be told.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, dialogue, task })
    }

    /// What an agent core is given as base URL.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// All requests so far, in the order in which they came.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.dialogue.lock().seen.clone()
    }

    /// Keeps no bodies of requests from here on: a long rollout sends more than memory holds.
    pub fn forget_bodies(&self) {
        self.dialogue.lock().forgets = true;
    }

    /// The places in the script, from 1, of the replies that nobody has had yet.
    pub fn unused_replies(&self) -> Vec<usize> {
        self.dialogue.lock().unused()
    }

    /// Serves until the server breaks down.
    pub async fn run(mut self) {
        // The task is only ever aborted by the drop of what this future owns.
        let _ = (&mut self.task).await;
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn respond(State(dialogue): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    answer(&dialogue, Endpoint::Responses, &headers, &body).await
}

async fn compact(State(dialogue): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    answer(&dialogue, Endpoint::Compact, &headers, &body).await
}

async fn answer(dialogue: &Shared, endpoint: Endpoint, headers: &HeaderMap, body: &[u8]) -> Response {
    let body = match serde_json::from_slice(body) {
        Ok(body) => body,
        Err(error) => return bad_request(&format!("the body is not JSON: {error}")),
    };
    let chosen = dialogue.lock().answer(SeenRequest::new(endpoint, headers, body));
    dialogue.requests.send_modify(|requests| *requests += 1);
    let chosen = match chosen {
        Ok(chosen) => chosen,
        Err(complaint) => return bad_request(&complaint),
    };
    if let Some(after) = &chosen.reply.after {
        dialogue.wait_for(after).await;
    }
    if chosen.reply.end == End::Completed {
        dialogue.lock().completed(chosen.response_id());
    }
    let mut response = match endpoint {
        Endpoint::Responses => chosen.stream().await,
        Endpoint::Compact => chosen.document().await,
    };
    if let Ok(request_id) = HeaderValue::from_str(&format!("req_{}", chosen.place)) {
        response.headers_mut().insert("x-request-id", request_id);
    }
    response
}
