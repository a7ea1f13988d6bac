//! Decides which requests are answered.

use std::sync::{Mutex, PoisonError};

use hyper::{HeaderMap, Method, Uri, header};
use subtle::ConstantTimeEq;

use crate::ApiError;

/// A random text that nobody guesses.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    /// # Errors
    ///
    /// The system has no random numbers.
    pub(crate) fn random() -> std::io::Result<Self> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares in a time that depends on the length alone.
    fn is(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

/// Decides which requests are answered: those of the page itself, in the browser of the person who has the link.
///
/// The server listens on loopback, but every page that the browser shows can send requests there, and a name that somebody
/// else owns can point to 127.0.0.1. Therefore the name of the host is checked, where the request comes from, and a secret
/// that only the link has. The link's token is exchanged for a cookie, so that it does not stay in the address.
pub(crate) struct Guard {
    port: u16,
    /// In the link that is printed. It works as long as the server runs.
    token: Secret,
    /// In the link that is given to the program that opens a browser. Other users of the machine may see the arguments of
    /// that program, so it works once.
    opened: Mutex<Option<Secret>>,
    cookie: Secret,
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is answered.
    Answer,
    /// It has a token: it gets the cookie with this header, and is sent to this place.
    Exchange { cookie: String, to: String },
}

impl Guard {
    pub(crate) fn new(port: u16) -> std::io::Result<Self> {
        let opened = Mutex::new(Some(Secret::random()?));
        Ok(Self { port, token: Secret::random()?, opened, cookie: Secret::random()? })
    }

    /// Returns the query of the link that is printed.
    pub(crate) fn printed_token(&self) -> &str {
        self.token.as_str()
    }

    /// Returns the query of the link for the program that opens a browser, unless it was used.
    pub(crate) fn opened_token(&self) -> Option<String> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.as_ref().map(|secret| secret.as_str().to_owned())
    }

    pub(crate) fn decide(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Decision, ApiError> {
        if *method != Method::GET {
            return Err(refused(405, format!("{method} is not allowed"), "the viewer only answers GET"));
        }
        self.check_host(uri, headers)?;
        let is_page = uri.path() == "/";
        if is_page && let Some(decision) = self.exchange(uri)? {
            return Ok(decision);
        }
        self.check_origin(headers, is_page)?;
        self.check_cookie(headers)?;
        Ok(Decision::Answer)
    }

    /// A name that somebody else owns may point here: only the names of this machine are answered.
    fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        let known = [format!("127.0.0.1:{}", self.port), format!("localhost:{}", self.port)];
        let is_known = |host: &str| known.iter().any(|known| known.eq_ignore_ascii_case(host));
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok());
        let authority = uri.authority().map(|authority| authority.as_str());
        if host.is_some_and(is_known) && hosts.next().is_none() && authority.is_none_or(is_known) {
            return Ok(());
        }
        Err(refused(403, "the request is for another host", "open the link that rollout-trace printed"))
    }

    /// Whatever another site sends is refused, even if the browser adds the cookie to it.
    fn check_origin(&self, headers: &HeaderMap, is_page: bool) -> Result<(), ApiError> {
        let own = [format!("http://127.0.0.1:{}", self.port), format!("http://localhost:{}", self.port)];
        let is_own = |origin: &header::HeaderValue| own.iter().any(|own| origin.as_bytes() == own.as_bytes());
        // A browser says `none` if a person entered the address or chose a bookmark.
        let is_from_here =
            |site: &header::HeaderValue| site.as_bytes() == b"same-origin" || is_page && site.as_bytes() == b"none";
        let is_fine = headers.get_all(header::ORIGIN).iter().all(is_own)
            && headers.get_all("sec-fetch-site").iter().all(is_from_here);
        match is_fine {
            true => Ok(()),
            false => {
                Err(refused(403, "the request comes from another site", "open the link that rollout-trace printed"))
            }
        }
    }

    fn check_cookie(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let name = self.cookie_name();
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        match pairs.any(|(key, value)| key == name && self.cookie.is(value)) {
            true => Ok(()),
            false => Err(refused(
                403,
                "this browser has not been let in",
                "open the link that rollout-trace printed, or start it again",
            )),
        }
    }

    fn exchange(&self, uri: &Uri) -> Result<Option<Decision>, ApiError> {
        let query = uri.query().unwrap_or_default();
        let given = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token");
        let Some((_, given)) = given else { return Ok(None) };
        if !self.token.is(&given) && !self.use_opened(&given) {
            let hint = "open the link that rollout-trace printed last, or start it again";
            return Err(refused(403, "the link is not valid, or it was used before", hint));
        }
        let mut rest = form_urlencoded::Serializer::new(String::new());
        rest.extend_pairs(form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "token"));
        let rest = rest.finish();
        Ok(Some(Decision::Exchange {
            cookie: format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie_name(), self.cookie.as_str()),
            to: if rest.is_empty() { "/".to_owned() } else { format!("/?{rest}") },
        }))
    }

    fn use_opened(&self, given: &str) -> bool {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let is_valid = opened.as_ref().is_some_and(|secret| secret.is(given));
        if is_valid {
            *opened = None;
        }
        is_valid
    }

    /// Browsers keep the cookies of all ports together.
    fn cookie_name(&self) -> String {
        format!("rollout_trace_{}", self.port)
    }
}

fn refused(status: u16, error: impl Into<String>, hint: &str) -> ApiError {
    ApiError { status, error: error.into(), hint: hint.to_owned() }
}
