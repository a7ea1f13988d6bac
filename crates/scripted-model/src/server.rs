//! The HTTP server.

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
    error::RequestError,
    script::{After, End},
};

/// A server on loopback that answers from a script, until it is dropped.
#[derive(Debug)]
#[must_use = "the server stops when it is dropped"]
pub struct ScriptedModel {
    address: SocketAddr,
    dialogue: Shared,
    task: JoinHandle<()>,
}

#[derive(Clone, Debug)]
struct Shared {
    dialogue: Arc<Mutex<Dialogue>>,
    /// The number of requests so far.
    requests: watch::Sender<u64>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Dialogue> {
        self.dialogue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until another agent has made the requests that must come first.
    async fn wait_for(&self, after: &After) {
        // An error is impossible: `self` holds the sender.
        let _ = self.requests.subscribe().wait_for(|_| self.lock().is_reached(after)).await;
    }
}

impl ScriptedModel {
    /// Starts a server on a free port.
    ///
    /// # Errors
    ///
    /// Returns an error if no port is free.
    pub async fn start(script: Script) -> Result<Self, ServeError> {
        Self::start_on(script, 0).await
    }

    /// Starts a server on the given port, or on any free port if it is 0.
    ///
    /// # Errors
    ///
    /// Returns an error if the server cannot listen on the port.
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
            // This ends only if the listener is lost, and then no client is left to report it to.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, dialogue, task })
    }

    /// Returns the base URL to configure in an agent core.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns all requests so far, in the order in which they came.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.dialogue.lock().seen.clone()
    }

    /// Stops keeping the bodies of requests. In a long rollout they would not fit into memory.
    pub fn forget_bodies(&self) {
        self.dialogue.lock().forgets_bodies = true;
    }

    /// Returns the places in the script, counted from 1, of the replies that have not been sent yet.
    pub fn unused_replies(&self) -> Vec<usize> {
        self.dialogue.lock().unused()
    }

    /// Serves until the listener is lost.
    pub async fn run(mut self) {
        // The task is aborted only when `self` is dropped, which this future owns.
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
        Err(source) => return bad_request(&RequestError::Body(source)),
    };
    let chosen = dialogue.lock().answer(SeenRequest::new(endpoint, headers, body));
    dialogue.requests.send_modify(|requests| *requests += 1);
    let chosen = match chosen {
        Ok(chosen) => chosen,
        Err(error) => return bad_request(&error),
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
