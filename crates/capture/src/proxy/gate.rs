//! Which requests the proxy accepts.

use super::head::RequestHead;
use crate::Upstream;

/// Lets through what the recorded command sends, and nothing else.
///
/// Anything on this machine can reach the port, including the pages of other sites in a browser, directly or by a host
/// name that they let point here. What does not know the key gets no further, and neither does a browser that knows it.
#[derive(Debug)]
pub(super) struct Gate {
    /// The first part of each path.
    pub(super) key: String,
    pub(super) port: u16,
    pub(super) upstreams: Vec<Upstream>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The path does not begin with the key and the name of an upstream.
    UnknownAddress,
    /// The host is not this machine, as the client sees it.
    ForeignHost,
    /// A page of another site sent it.
    ForeignPage,
}

impl Gate {
    /// Returns the upstream of a request and its target there.
    pub(super) fn admit(&self, head: &RequestHead) -> Result<(Upstream, String), Refusal> {
        let unkeyed = head.target.strip_prefix('/').unwrap_or_default();
        let (key, rest) = unkeyed.split_at_checked(self.key.len()).unwrap_or_default();
        if !is_same(key.as_bytes(), self.key.as_bytes()) {
            return Err(Refusal::UnknownAddress);
        }
        if !self.is_own_host(head.headers.get("host").unwrap_or_default()) {
            return Err(Refusal::ForeignHost);
        }
        let is_foreign_site = |site: &str| matches!(site, "cross-site" | "same-site");
        if head.headers.all("sec-fetch-site").any(is_foreign_site)
            || head.headers.all("origin").any(|origin| self.is_foreign_origin(origin))
        {
            return Err(Refusal::ForeignPage);
        }
        let rest = rest.strip_prefix('/').ok_or(Refusal::UnknownAddress)?;
        let (name, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let upstream = self.upstreams.iter().find(|upstream| upstream.name() == name);
        let upstream = upstream.ok_or(Refusal::UnknownAddress)?;
        let target = upstream.target(rest);
        Ok((upstream.serving(&target), target))
    }

    fn is_own_host(&self, host: &str) -> bool {
        let names = ["127.0.0.1", "localhost", "[::1]"];
        names.iter().any(|name| host.strip_prefix(name).is_some_and(|rest| rest == format!(":{}", self.port)))
    }

    /// Returns whether a page that is not of this machine has this origin. Programs that are no browsers may send origins
    /// of their own schemes.
    fn is_foreign_origin(&self, origin: &str) -> bool {
        let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        origin == "null" || host.is_some_and(|host| !self.is_own_host(host))
    }
}

impl Refusal {
    /// Returns the whole answer to a refused request.
    pub(super) fn answer(self) -> Vec<u8> {
        let (status, text) = match self {
            Self::UnknownAddress => ("404 Not Found", "rollout-trace record: nothing is served at this address\n"),
            Self::ForeignHost => {
                ("403 Forbidden", "rollout-trace record: requests must name this machine as their host\n")
            }
            Self::ForeignPage => ("403 Forbidden", "rollout-trace record: pages of other sites are not served\n"),
        };
        answer(status, text)
    }
}

/// Returns a whole answer after which the connection ends.
pub(super) fn answer(status: &str, text: &str) -> Vec<u8> {
    let length = text.len();
    let headers = "content-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\nconnection: close";
    format!("HTTP/1.1 {status}\r\n{headers}\r\ncontent-length: {length}\r\n\r\n{text}").into_bytes()
}

/// Compares in a time that does not depend on where the first difference is.
fn is_same(given: &[u8], wanted: &[u8]) -> bool {
    given.len() == wanted.len() && given.iter().zip(wanted).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(head: &str) -> Result<String, Refusal> {
        let upstreams = vec![Upstream::parse("a", "http://api.example/v1").expect("an address")];
        let gate = Gate { key: "KEY".to_owned(), port: 9, upstreams };
        let head = head.replace('\n', "\r\n") + "\r\n\r\n";
        let (head, _) = RequestHead::find(head.as_bytes(), 0).expect("a head").expect("complete");
        gate.admit(&head).map(|(upstream, target)| format!("{} {target}", upstream.name()))
    }

    #[test]
    fn the_key_opens_the_gate() {
        let host = "Host: 127.0.0.1:9";
        assert_eq!(admitted(&format!("GET /KEY/a/x?y HTTP/1.1\n{host}")), Ok("a /v1/x?y".to_owned()));
        assert_eq!(admitted("GET /KEY/a HTTP/1.1\nHost: localhost:9"), Ok("a /v1".to_owned()));
        for target in [
            "/",
            "/KEY",
            "/KEY/",
            "/KEY/b/x",
            "/KEx/a/x",
            "/KEYa/x",
            "/KEYx/a/x",
            "*",
            "http://127.0.0.1:9/KEY/a",
            "/a/KEY",
            "/ÄÖ",
        ] {
            let given = admitted(&format!("GET {target} HTTP/1.1\n{host}"));
            assert_eq!(given, Err(Refusal::UnknownAddress), "{target}");
        }
    }

    #[test]
    fn browsers_are_kept_out() {
        for (headers, refusal) in [
            ("Host: evil.example:9", Refusal::ForeignHost),
            ("Host: 127.0.0.1:90", Refusal::ForeignHost),
            ("Host: 127.0.0.1.evil.example:9", Refusal::ForeignHost),
            ("X: y", Refusal::ForeignHost),
            ("Host: 127.0.0.1:9\nOrigin: https://evil.example", Refusal::ForeignPage),
            ("Host: 127.0.0.1:9\nOrigin: null", Refusal::ForeignPage),
            ("Host: 127.0.0.1:9\nSec-Fetch-Site: cross-site", Refusal::ForeignPage),
        ] {
            assert_eq!(admitted(&format!("POST /KEY/a/x HTTP/1.1\n{headers}")), Err(refusal), "{headers}");
        }
        // Node's fetch sends this, without a site.
        assert!(admitted("POST /KEY/a/x HTTP/1.1\nHost: 127.0.0.1:9\nSec-Fetch-Mode: cors").is_ok());
    }
}
