//! The servers to which the proxy passes requests on.

/// A server to which the proxy passes requests on, by a name that stands in the address of the proxy.
///
/// ```
/// use rollout_trace_capture::Upstream;
///
/// let upstream = Upstream::parse("anthropic", "https://api.anthropic.com")?;
/// assert_eq!(upstream.name(), "anthropic");
/// # Ok::<(), rollout_trace_capture::UpstreamError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    name: String,
    is_tls: bool,
    host: String,
    port: u16,
    /// Host and port as they stand in the address.
    authority: String,
    /// The path before the target of each request, without a slash at its end.
    path: String,
}

/// Why an address is none of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// The name is empty or has a character that is not a letter, a digit, `-` or `_`.
    #[error("`{0}` is no name of an upstream: it may have letters, digits, - and _")]
    Name(String),
    /// The address does not begin with `http://` or `https://`.
    #[error("the address of the upstream {0} does not begin with http:// or https://")]
    Scheme(String),
    /// The address has a user, a query or a fragment, which the requests of a client would not have.
    #[error("the address of the upstream {0} has a user, a query or a fragment")]
    Parts(String),
    /// The address has no host, or a port that is no number.
    #[error("the address of the upstream {0} has no valid host and port")]
    Host(String),
}

/// The versions that are missing in paths of some clients, by the host of the provider. Official SDKs append
/// `/v1/messages` to a base URL, others `/messages`, and both read the same variable.
const VERSIONS: [(&str, &str, &[&str]); 2] = [
    ("api.anthropic.com", "/v1", &["messages", "models"]),
    ("generativelanguage.googleapis.com", "/v1beta", &["models"]),
];

/// The host of Vertex for requests without a location.
const VERTEX: &str = "aiplatform.googleapis.com";

impl Upstream {
    /// Reads the address of an upstream.
    ///
    /// # Errors
    ///
    /// The name or the address is unusable.
    pub fn parse(name: &str, address: &str) -> Result<Self, UpstreamError> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(UpstreamError::Name(name.to_owned()));
        }
        let address = address.trim();
        let (scheme, rest) = address.split_once("://").unwrap_or_default();
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(UpstreamError::Scheme(name.to_owned())),
        };
        if rest.contains(['@', '?', '#']) || rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(UpstreamError::Parts(name.to_owned()));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = host_and_port(authority, if is_tls { 443 } else { 80 })
            .ok_or_else(|| UpstreamError::Host(name.to_owned()))?;
        let path = path.trim_end_matches('/').to_owned();
        Ok(Self { name: name.to_owned(), is_tls, host, port, authority: authority.to_owned(), path })
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.is_tls
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the upstream that serves a target. Vertex has a host for each location, which the path names.
    pub(crate) fn serving(&self, target: &str) -> Self {
        let is_vertex = self.path.is_empty() && self.host.eq_ignore_ascii_case(VERTEX);
        let host = match location_in(target).filter(|_| is_vertex) {
            None | Some("global") => return self.clone(),
            Some(region @ ("eu" | "us")) => format!("aiplatform.{region}.rep.googleapis.com"),
            Some(region) => format!("{region}-{VERTEX}"),
        };
        let authority = self.authority.replace(&self.host, &host);
        Self { host, authority, ..self.clone() }
    }

    /// Returns the target that a request has at the upstream. `rest` is what follows the name in its target: nothing, or
    /// a path with its query.
    pub(crate) fn target(&self, rest: &str) -> String {
        let first = rest.strip_prefix('/').unwrap_or(rest).split(['/', '?']).next().unwrap_or_default();
        let version = VERSIONS.iter().find(|(host, _, firsts)| {
            self.path.is_empty() && self.host.eq_ignore_ascii_case(host) && firsts.contains(&first)
        });
        let version = version.map_or("", |(_, version, _)| version);
        let slash = if rest.starts_with('/') || (!self.path.is_empty() && version.is_empty()) { "" } else { "/" };
        format!("{}{version}{slash}{rest}", self.path)
    }
}

/// Returns the location of a cloud that a target names.
fn location_in(target: &str) -> Option<&str> {
    let (_, rest) = target.split('?').next()?.split_once("/locations/")?;
    let location = rest.split('/').next()?;
    let is_part_of_host = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (!location.is_empty() && location.chars().all(is_part_of_host)).then_some(location)
}

/// Reads a host with an optional port. An IPv6 address is in brackets, which are left out.
pub(crate) fn host_and_port(authority: &str, default: u16) -> Option<(String, u16)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = port.map_or(Some(default), |port| port.parse().ok())?;
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(address: &str, rest: &str) -> String {
        Upstream::parse("x", address).expect("an address").target(rest)
    }

    #[test]
    fn targets() {
        assert_eq!(target("https://api.anthropic.com", "/v1/messages?beta=true"), "/v1/messages?beta=true");
        assert_eq!(target("https://api.anthropic.com/", "/messages"), "/v1/messages");
        assert_eq!(target("https://api.anthropic.com", "/api/hello"), "/api/hello");
        assert_eq!(target("https://gateway.example/api.anthropic.com", "/messages"), "/api.anthropic.com/messages");
        let gemini = "https://generativelanguage.googleapis.com";
        assert_eq!(target(gemini, "/models/m:generateContent?k"), "/v1beta/models/m:generateContent?k");
        assert_eq!(target(gemini, "/v1beta/models/m:generateContent"), "/v1beta/models/m:generateContent");
        assert_eq!(target("https://api.openai.com/v1", "/responses"), "/v1/responses");
        assert_eq!(target("http://localhost:1", ""), "/");
        assert_eq!(target("http://localhost:1/v1/", ""), "/v1");
        assert_eq!(target("http://localhost:1", "?a"), "/?a");
    }

    #[test]
    fn vertex_has_a_host_for_each_location() {
        let authority = |address: &str, location: &str| {
            let upstream = Upstream::parse("vertex", address).expect("an address");
            let target = format!("/v1/projects/p/locations/{location}/publishers/google/models/m:generateContent?x=/y");
            upstream.serving(&target).authority().to_owned()
        };
        let vertex = "https://aiplatform.googleapis.com";
        assert_eq!(authority(vertex, "global"), "aiplatform.googleapis.com");
        assert_eq!(authority(vertex, "europe-west4"), "europe-west4-aiplatform.googleapis.com");
        assert_eq!(authority(vertex, "eu"), "aiplatform.eu.rep.googleapis.com");
        assert_eq!(authority(vertex, "evil.example/x"), "aiplatform.googleapis.com");
        assert_eq!(authority("https://gateway.example", "europe-west4"), "gateway.example");
        assert_eq!(
            Upstream::parse("x", vertex).expect("an address").serving("/").authority(),
            "aiplatform.googleapis.com"
        );
    }

    #[test]
    fn addresses() {
        let upstream = Upstream::parse("x", "http://[::1]:8080/v1").expect("an address");
        assert_eq!((upstream.host(), upstream.port(), upstream.authority()), ("::1", 8080, "[::1]:8080"));
        for (name, address) in [
            ("", "http://a"),
            ("a/b", "http://a"),
            ("x", "a.example"),
            ("x", "ftp://a"),
            ("x", "http://"),
            ("x", "http://a:b"),
            ("x", "http://user@a"),
            ("x", "http://a/?q"),
            ("x", "http://a/ b"),
        ] {
            assert!(Upstream::parse(name, address).is_err(), "{name} {address}");
        }
    }
}
