//! The HTTP proxy that the environment asks clients to use.

use crate::{Upstream, upstream::host_and_port};

/// An HTTP proxy through which upstreams are reached, because the recorded command would have used it.
#[derive(Clone, PartialEq, Eq)]
pub struct Detour {
    host: String,
    port: u16,
    /// The value of the header `Proxy-Authorization`.
    authorization: Option<String>,
}

impl std::fmt::Debug for Detour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detour").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Detour {
    /// Returns the proxy that the environment names for an upstream: `HTTPS_PROXY` or `HTTP_PROXY`, else `ALL_PROXY`, in
    /// either case, unless `NO_PROXY` excludes the upstream. `lookup` returns the value of a variable.
    ///
    /// Only HTTP proxies are known. Connections to the machine itself are always direct.
    pub fn from_environment(upstream: &Upstream, lookup: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let either = |name: &str| {
            let set = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
            set(&name.to_ascii_lowercase()).or_else(|| set(name))
        };
        if is_local(upstream.host()) || either("NO_PROXY").is_some_and(|list| excludes(&list, upstream)) {
            return None;
        }
        let name = if upstream.is_tls() { "HTTPS_PROXY" } else { "HTTP_PROXY" };
        Self::parse(&either(name).or_else(|| either("ALL_PROXY"))?)
    }

    fn parse(address: &str) -> Option<Self> {
        let address = address.trim();
        let rest = match address.split_once("://") {
            Some((scheme, rest)) => scheme.eq_ignore_ascii_case("http").then_some(rest)?,
            None => address,
        };
        let authority = rest.split('/').next().unwrap_or_default();
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, authority),
        };
        let (host, port) = host_and_port(authority, 80)?;
        let authorization = user.map(|user| format!("Basic {}", base64(&decode_percent(user))));
        Some(Self { host, port, authorization })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the request that opens a connection to an upstream.
    pub(crate) fn request_for(&self, upstream: &Upstream) -> String {
        let host = upstream.host();
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let authority = format!("{host}:{}", upstream.port());
        let authorization = self.authorization.as_ref();
        let authorization = authorization.map(|value| format!("Proxy-Authorization: {value}\r\n")).unwrap_or_default();
        format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{authorization}\r\n")
    }
}

fn is_local(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Returns whether a list of hosts, each with an optional port, contains the host of an upstream or a domain of it.
fn excludes(list: &str, upstream: &Upstream) -> bool {
    let host = upstream.host().to_ascii_lowercase();
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        let Some((name, port)) = host_and_port(&entry, upstream.port()) else { return false };
        let name = name.trim_start_matches('*').trim_start_matches('.');
        port == upstream.port()
            && (name.is_empty() || host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
    })
}

fn decode_percent(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let byte = tail.get(..2).filter(|_| *first == b'%').and_then(|digits| str::from_utf8(digits).ok());
        match byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &tail[2..];
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = (bits >> (18 - 6 * place)) as usize & 63;
            out.push(if place <= chunk.len() { char::from(DIGITS[digit]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detour(address: &str, variables: &[(&str, &str)]) -> Option<Detour> {
        let upstream = Upstream::parse("x", address).expect("an address");
        let lookup =
            |name: &str| variables.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned());
        Detour::from_environment(&upstream, lookup)
    }

    #[test]
    fn the_environment_names_the_proxy() {
        let variables = [
            ("HTTPS_PROXY", "http://us%40er:p@w@proxy.example:3128/"),
            ("NO_PROXY", "example.org, .b.example:443,10.0.0.1"),
        ];
        let found = detour("https://api.example.com", &variables).expect("a proxy");
        assert_eq!((found.host(), found.port()), ("proxy.example", 3128));
        let request = found.request_for(&Upstream::parse("x", "https://[2001:db8::1]").expect("an address"));
        assert_eq!(
            request,
            "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\nProxy-Authorization: Basic dXNAZXI6cEB3\r\n\r\n"
        );
        for direct in [
            "http://api.example.com",
            "https://example.org",
            "https://a.b.example",
            "https://10.0.0.1",
            "https://localhost",
            "https://127.0.0.9",
        ] {
            assert_eq!(detour(direct, &variables), None, "{direct}");
        }
        for detoured in ["https://notexample.org", "https://a.b.example:444"] {
            assert!(detour(detoured, &variables).is_some(), "{detoured}");
        }
        assert!(detour("http://a.example", &[("all_proxy", "proxy.example")]).is_some());
        assert_eq!(detour("http://a.example", &[("ALL_PROXY", "socks5://proxy.example")]), None);
        assert_eq!(detour("http://a.example", &[("HTTP_PROXY", "http://p"), ("no_proxy", "*")]), None);
    }

    #[test]
    fn credentials_are_encoded() {
        for (text, encoded) in [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj"), ("a:b%zz", "YTpiJXp6")] {
            assert_eq!(base64(&decode_percent(text)), encoded);
        }
    }
}
