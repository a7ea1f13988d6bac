//! The server on loopback.

use std::{
    convert::Infallible,
    io::{self, Read},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use flate2::read::GzDecoder;
use http_body_util::Full;
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderName, HeaderValue},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use rollout_trace::{FindError, Limits};
use tokio::net::TcpListener;

use crate::{
    ApiError, Library, ListedRollout, Rollouts,
    assets::asset,
    body::Body,
    desk::{Answer, json},
    desks::{Desks, FIRST_CALL, Reply, gzip},
    guard::{Decision, Guard},
    live::Followed,
    query::Query,
};

/// What a page may load and do: its own script and style, and data of its own server.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Data is no page.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// How a page is served.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The port; 0 for any that is free.
    pub port: u16,
    /// A selector of what is shown first.
    pub at: Option<String>,
    /// Whether rollouts that have not ended are followed while they grow.
    pub follow: bool,
}

/// A server that is ready.
pub struct Server {
    listener: std::net::TcpListener,
    site: Arc<Site>,
}

/// What is served.
struct Site {
    library: Library,
    guard: Guard,
    desks: Desks,
    /// The rollouts that are followed, if any are.
    followed: Option<Followed>,
    at: Option<String>,
    port: u16,
}

impl Server {
    /// Binds a port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// The port is taken, or the system has no random numbers.
    pub fn bind(library: Library, options: Options) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, options.port)))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let guard = Guard::new(port)?;
        let followed = options.follow.then(Followed::default);
        let site = Site { library, guard, desks: Desks::new(), followed, at: options.at, port };
        Ok(Self { listener, site: Arc::new(site) })
    }

    /// Returns the link for a person. It works as long as the server runs.
    pub fn link(&self) -> String {
        self.site.link(self.site.guard.printed_token())
    }

    /// Returns a link that works once, for a program that opens a browser: other users may see its arguments.
    pub fn link_to_open(&self) -> Option<String> {
        self.site.guard.opened_token().map(|token| self.site.link(&token))
    }

    /// Serves until the program ends.
    ///
    /// # Errors
    ///
    /// The system cannot wait for connections.
    pub fn run(self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::from_std(self.listener)?;
            let site = Arc::clone(&self.site);
            tokio::spawn(async move {
                // The browser takes a while to open.
                if let Some(path) = site.library.only() {
                    // Whoever asks next is told what is wrong.
                    let _ = site.ask(path, Query::new(FIRST_CALL, ""), None).await;
                }
            });
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    // Too many open files, for example. Others may be closed in a moment.
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                };
                let site = Arc::clone(&self.site);
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let site = Arc::clone(&site);
                        async move { Ok::<_, Infallible>(site.respond(request).await) }
                    });
                    let mut http = hyper::server::conn::http1::Builder::new();
                    http.timer(TokioTimer::new());
                    // A page that is closed while it loads is no error.
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        })
    }
}

impl Site {
    fn link(&self, token: &str) -> String {
        let at = self.at.as_ref().map(|at| {
            let encoded: String = form_urlencoded::byte_serialize(at.as_bytes()).collect();
            format!("#at={encoded}")
        });
        format!("http://127.0.0.1:{}/?token={token}{}", self.port, at.unwrap_or_default())
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        let is_page = !uri.path().starts_with("/api/");
        let response = match self.guard.decide(method, uri, headers) {
            Ok(Decision::Exchange { cookie, to }) => Ok(exchanged(headers, &cookie, &to).map(Body::from)),
            Ok(Decision::Answer) => self.answer(uri.path(), uri.query().unwrap_or_default(), headers).await,
            Err(error) => Err(error),
        };
        let mut response = response.unwrap_or_else(|error| failed(&error, is_page).map(Body::from));
        harden(response.headers_mut());
        response
    }

    async fn answer(&self, path: &str, query: &str, headers: &HeaderMap) -> Result<Response<Body>, ApiError> {
        let Some(name) = path.strip_prefix("/api/") else {
            let asset = asset(path).ok_or_else(|| ApiError::not_found("there is no such page", "the page is at /"))?;
            return Ok(typed(asset.mime, PAGE_POLICY, asset.bytes).map(Body::from));
        };
        let query = Query::new(name, query);
        let reply = match query.name.as_str() {
            "rollouts" => match json(&self.rollouts()?)? {
                Answer::Json(json) => Reply::Json(gzip(&json).into()),
                other => Reply::Bytes(other),
            },
            "follow" => {
                let path = self.path(&query)?;
                let pushes = self.followed.as_ref().and_then(|followed| followed.pushes(&path));
                return Ok(typed("text/event-stream", DATA_POLICY, Bytes::new()).map(|_| Body::events(pushes)));
            }
            _ => {
                let path = self.path(&query)?;
                let other = query.text("with").map(|name| self.find(name)).transpose()?;
                self.ask(&path, query, other).await?
            }
        };
        Ok(sent(headers, reply).map(Body::from))
    }

    /// Returns the bundle that a call is about.
    fn path(&self, query: &Query) -> Result<PathBuf, ApiError> {
        match (query.text("rollout"), self.library.only()) {
            (Some(name), _) => self.find(name),
            (None, Some(only)) => Ok(only.to_owned()),
            (None, None) => {
                let hint = "give `rollout`, as rollouts lists it";
                Err(ApiError::bad_request("it is not said which rollout", hint))
            }
        }
    }

    /// Answers a call about the bundle at a path: as it is now if it is followed, else as it was when the page began.
    async fn ask(&self, path: &Path, query: Query, other: Option<PathBuf>) -> Result<Reply, ApiError> {
        match &self.followed {
            None => self.desks.ask(path, query, other).await,
            Some(followed) => match followed.ask(path, query, other).await {
                Ok(reply) => reply,
                Err((query, other)) => self.desks.ask(path, query, other).await,
            },
        }
    }

    fn rollouts(&self) -> Result<Rollouts, ApiError> {
        let books = self.library.books().map_err(|error| unlisted(&error))?;
        let is_root = self.library.only().is_none();
        let outlines = if is_root { self.library.outlines(&books, Limits::default()) } else { vec![None; books.len()] };
        Ok(Rollouts {
            program: crate::PROGRAM.to_owned(),
            path: self.library.roots().first().map(|root| root.display().to_string()).unwrap_or_default(),
            is_root,
            follow: self.followed.is_some(),
            at: self.at.clone(),
            rollouts: books
                .into_iter()
                .zip(outlines)
                .map(|(book, outline)| ListedRollout::new(book, outline))
                .collect(),
        })
    }

    /// Returns the path of the bundle that a name means. It is compared with those of the list, and nothing is opened by it.
    fn find(&self, name: &str) -> Result<PathBuf, ApiError> {
        let book = self.library.find(name).map_err(|error| match error {
            FindError::Unlisted(error) => unlisted(&error),
            error => ApiError::not_found(error.to_string(), "the list of rollouts has those that there are"),
        })?;
        Ok(book.path)
    }
}

fn unlisted(error: &io::Error) -> ApiError {
    ApiError::not_found(error.to_string(), "check the permissions of the folder")
}

/// Returns the response that sends a reply.
fn sent(headers: &HeaderMap, reply: Reply) -> Response<Full<Bytes>> {
    match reply {
        Reply::Json(compressed) => compressed_json(headers, &compressed),
        Reply::Bytes(Answer::Json(json)) => typed("application/json", DATA_POLICY, json),
        Reply::Bytes(Answer::Payload { bytes, whole }) => {
            let mut response = typed("application/octet-stream", DATA_POLICY, bytes);
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
            headers.insert("x-payload-bytes", HeaderValue::from(whole));
            response
        }
        Reply::Bytes(Answer::Image { mime, bytes }) => typed(mime, DATA_POLICY, bytes),
    }
}

/// Gives the cookie, and leads to the page without the token.
///
/// A browser does not send a new strict cookie when a link of another site is redirected, for example that of a terminal in
/// a browser. Then a page leads on.
fn exchanged(headers: &HeaderMap, cookie: &str, to: &str) -> Response<Full<Bytes>> {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let mut response = if site.is_none_or(|site| site == b"none" || site == b"same-origin") {
        let mut response = typed("text/plain; charset=utf-8", DATA_POLICY, Bytes::new());
        *response.status_mut() = StatusCode::SEE_OTHER;
        if let Ok(to) = HeaderValue::from_str(to) {
            response.headers_mut().insert(header::LOCATION, to);
        }
        response
    } else {
        let page = format!("<!doctype html><meta http-equiv=\"refresh\" content=\"0;url={}\">", escaped(to));
        typed("text/html; charset=utf-8", DATA_POLICY, page.into_bytes())
    };
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Says what failed: to a person as a page, to a page as JSON.
fn failed(error: &ApiError, is_page: bool) -> Response<Full<Bytes>> {
    let mut response = if is_page {
        let page = format!(
            "<!doctype html><meta charset=\"utf-8\"><title>rollout-trace</title><p>{}.<p>{}.",
            escaped(&error.error),
            escaped(&error.hint)
        );
        typed("text/html; charset=utf-8", DATA_POLICY, page.into_bytes())
    } else {
        typed("application/json", DATA_POLICY, serde_json::to_vec(error).unwrap_or_default())
    };
    *response.status_mut() = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if error.status == 405 {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
    }
    response
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

fn typed(mime: &'static str, policy: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// Sends JSON compressed if the client takes that.
fn compressed_json(headers: &HeaderMap, compressed: &[u8]) -> Response<Full<Bytes>> {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = accepted.flat_map(|value| value.split(',')).map(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        (name.trim(), quality.trim().trim_start_matches("q=").trim())
    });
    let is_refused = |quality: &str| !quality.is_empty() && quality.parse() == Ok(0.0_f64);
    let takes_gzip = codings.any(|(name, quality)| name.eq_ignore_ascii_case("gzip") && !is_refused(quality));
    let mut response = if takes_gzip {
        let mut response = typed("application/json", DATA_POLICY, compressed.to_vec());
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        let mut plain = Vec::new();
        // What was compressed here can be decompressed.
        let _ = GzDecoder::new(compressed).read_to_end(&mut plain);
        typed("application/json", DATA_POLICY, plain)
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}

/// Adds what every response says: that it is what its type says, that nothing is told or kept, and that no other site may
/// embed or read it.
fn harden(headers: &mut HeaderMap) {
    let rules = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in rules {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
