//! What the server must never do.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    thread,
};

use rollout_trace_viewer::{Library, Options, Server};
use serde_json::Value;

pub(crate) const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sample-bundle");

/// A running server and the link to it.
pub(crate) struct Running {
    pub(crate) port: u16,
    link: String,
    link_to_open: String,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Running {
    pub(crate) fn of(path: impl AsRef<Path>) -> Self {
        Self::with(path, Options::default())
    }

    pub(crate) fn with(path: impl AsRef<Path>, options: Options) -> Self {
        let server = Server::bind(Library::open([path]).unwrap(), options).unwrap();
        let (link, link_to_open) = (server.link(), server.link_to_open().unwrap());
        let port = link["http://127.0.0.1:".len()..].split('/').next().unwrap().parse().unwrap();
        thread::spawn(move || server.run());
        Self { port, link, link_to_open }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap()
    }

    fn send(&self, request: &str) -> Reply {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head, body: bytes[end + 4..].to_vec() }
    }

    /// Sends a GET with these lines besides `Host` and `Connection`.
    pub(crate) fn get(&self, path: &str, lines: &str) -> Reply {
        let host = format!("127.0.0.1:{}", self.port);
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{lines}\r\n"))
    }

    pub(crate) fn cookie(&self) -> String {
        self.cookie_of(&self.link)
    }

    fn cookie_of(&self, link: &str) -> String {
        let reply = self.get(link.split_once(&format!(":{}", self.port)).unwrap().1, "");
        assert_eq!(reply.status, 303, "{reply:?}");
        let cookie = reply.header("set-cookie").unwrap();
        format!("Cookie: {}\r\n", cookie.split(';').next().unwrap())
    }

    /// Sends a GET as the page does.
    pub(crate) fn call(&self, path: &str) -> Reply {
        self.get(path, &format!("{}Sec-Fetch-Site: same-origin\r\n", self.cookie()))
    }
}

#[test]
fn the_token_is_exchanged_for_a_cookie_and_leaves_the_address() {
    let server = Running::of(SAMPLE);
    let path = server.link.split_once(&format!(":{}", server.port)).unwrap().1;
    let reply = server.get(&format!("{path}&rollout=a%20b"), "Sec-Fetch-Site: none\r\n");
    assert_eq!((reply.status, reply.header("location")), (303, Some("/?rollout=a+b")));
    let cookie = reply.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    let token = path.split_once("token=").unwrap().1;
    assert!(token.len() == 64 && !cookie.contains(token), "{cookie}");
    let page = server.get("/", &server.cookie());
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
}

#[test]
fn a_link_of_another_site_is_not_redirected_because_the_cookie_would_be_missing() {
    let server = Running::of(SAMPLE);
    let path = server.link.split_once(&format!(":{}", server.port)).unwrap().1;
    let reply = server.get(path, "Sec-Fetch-Site: cross-site\r\n");
    assert_eq!(reply.status, 200);
    assert!(reply.text().contains("content=\"0;url=/\""), "{}", reply.text());
    assert!(reply.header("set-cookie").is_some());
}

#[test]
fn the_link_for_the_opener_works_once() {
    let server = Running::of(SAMPLE);
    let path = server.link_to_open.split_once(&format!(":{}", server.port)).unwrap().1;
    assert_eq!(server.get(path, "").status, 303);
    assert_eq!(server.get(path, "").status, 403);
    server.cookie();
    server.cookie();
}

#[test]
fn nobody_without_the_cookie_is_answered() {
    let server = Running::of(SAMPLE);
    let cookie = server.cookie();
    for path in ["/", "/app.js", "/app.css", "/api/rollouts", "/api/overview", "/api/payload?id=1", "/api/nonsense"] {
        let own = cookie.trim_end();
        let wrong = [
            String::new(),
            "Cookie: rollout_trace_1=x\r\n".to_owned(),
            format!("{}0\r\n", own),
            format!("{}\r\n", &own[..own.len() - 1]),
            format!("{}\r\n", own.replace("Cookie: ", "Cookie: x")),
        ];
        for lines in wrong {
            let reply = server.get(path, &lines);
            assert_eq!(reply.status, 403, "{path} {lines}");
            assert!(reply.header("set-cookie").is_none());
        }
        let others = server.get(path, &format!("{}; other=1\r\n", own));
        assert!(others.status == 200 || others.status == 404, "{path}: {}", others.head);
    }
    for token in ["", "0", &"0".repeat(64)] {
        let reply = server.get(&format!("/?token={token}"), "");
        assert_eq!((reply.status, reply.header("set-cookie")), (403, None));
    }
}

#[test]
fn other_hosts_are_refused() {
    let server = Running::of(SAMPLE);
    let (port, cookie) = (server.port, server.cookie());
    let get = |host: &str| {
        server.send(&format!("GET /api/rollouts HTTP/1.1\r\n{host}Connection: close\r\n{cookie}\r\n")).status
    };
    assert_eq!(get(&format!("Host: 127.0.0.1:{port}\r\n")), 200);
    assert_eq!(get(&format!("Host: localhost:{port}\r\n")), 200);
    let strange = [
        String::new(),
        "Host: 127.0.0.1\r\n".to_owned(),
        format!("Host: 127.0.0.1:{}\r\n", port ^ 1),
        format!("Host: evil.example:{port}\r\n"),
        format!("Host: 127.0.0.1.evil.example:{port}\r\n"),
        format!("Host: 0.0.0.0:{port}\r\n"),
        format!("Host: [::1]:{port}\r\n"),
        format!("Host: 127.0.0.1:{port}@evil.example\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nHost: evil.example:{port}\r\n"),
    ];
    for host in strange {
        let status = get(&host);
        assert!(status == 403 || status == 400, "{host}: {status}");
    }
    // The token is not for others, either.
    let path = server.link.split_once(&format!(":{port}")).unwrap().1;
    let request = format!("GET {path} HTTP/1.1\r\nHost: evil.example:{port}\r\nConnection: close\r\n\r\n");
    let reply = server.send(&request);
    assert_eq!((reply.status, reply.header("set-cookie")), (403, None));
    let absolute = format!("http://evil.example:{port}/api/rollouts");
    let request = format!("GET {absolute} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{cookie}\r\n");
    assert_eq!(server.send(&request).status, 403);
}

#[test]
fn other_sites_are_refused_even_with_the_cookie() {
    let server = Running::of(SAMPLE);
    let (port, cookie) = (server.port, server.cookie());
    let get = |path: &str, lines: &str| server.get(path, &format!("{cookie}{lines}")).status;
    assert_eq!(get("/api/rollouts", &format!("Origin: http://127.0.0.1:{port}\r\n")), 200);
    assert_eq!(get("/", "Sec-Fetch-Site: none\r\n"), 200);
    for lines in [
        "Origin: http://evil.example\r\n".to_owned(),
        "Origin: null\r\n".to_owned(),
        format!("Origin: https://127.0.0.1:{port}\r\n"),
        format!("Origin: http://127.0.0.1:{}\r\n", port ^ 1),
        "Sec-Fetch-Site: cross-site\r\n".to_owned(),
        "Sec-Fetch-Site: same-site\r\n".to_owned(),
        "Sec-Fetch-Site: none\r\n".to_owned(),
    ] {
        assert_eq!(get("/api/overview", &lines), 403, "{lines}");
    }
}

#[test]
fn only_get_is_answered() {
    let server = Running::of(SAMPLE);
    let cookie = server.cookie();
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"] {
        let request = format!(
            "{method} /api/rollouts HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Length: 0\r\n{cookie}\r\n",
            server.port
        );
        let reply = server.send(&request);
        assert_eq!((reply.status, reply.header("allow")), (405, Some("GET")), "{method}");
        assert!(reply.header("access-control-allow-origin").is_none());
    }
}

#[test]
fn every_response_is_hardened() {
    let server = Running::of(SAMPLE);
    let cookie = server.cookie();
    let page = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let data = "default-src 'none'; frame-ancestors 'none'";
    let token_path = server.link.split_once(&format!(":{}", server.port)).unwrap().1;
    let responses = [
        ("/", page, 200, "text/html; charset=utf-8"),
        ("/app.js", page, 200, "text/javascript; charset=utf-8"),
        ("/app.css", page, 200, "text/css; charset=utf-8"),
        ("/nowhere", data, 404, "text/html; charset=utf-8"),
        ("/api/rollouts", data, 200, "application/json"),
        ("/api/overview", data, 200, "application/json"),
        ("/api/nowhere", data, 404, "application/json"),
        ("/api/payload?id=1", data, 200, "application/octet-stream"),
        (token_path, data, 303, "text/plain; charset=utf-8"),
    ];
    for (path, policy, status, mime) in responses {
        let reply = server.get(path, &cookie);
        assert_eq!((reply.status, reply.header("content-type")), (status, Some(mime)), "{path}");
        assert_eq!(reply.header("content-security-policy"), Some(policy), "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{path}");
        }
    }
    let refused = server.get("/", "");
    assert_eq!((refused.status, refused.header("x-content-type-options")), (403, Some("nosniff")));
}

#[cfg(target_os = "linux")]
#[test]
fn only_loopback_is_listened_on() {
    let server = Running::of(SAMPLE);
    // The same port of another address of this machine is free.
    assert!(TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), server.port)).is_ok());
}

/// Copies the sample bundle.
fn copy_sample(to: &Path) {
    let payloads = to.join("payloads");
    fs::create_dir_all(&payloads).unwrap();
    for name in ["manifest.json", "trace.jsonl"] {
        fs::copy(Path::new(SAMPLE).join(name), to.join(name)).unwrap();
    }
    for entry in fs::read_dir(Path::new(SAMPLE).join("payloads")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), payloads.join(entry.file_name())).unwrap();
    }
}

#[test]
fn nothing_outside_the_root_is_reachable() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    copy_sample(&root.join("one"));
    copy_sample(&root.join("two"));
    copy_sample(&folder.path().join("outside"));
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path().join("outside"), root.join("link")).unwrap();
    let server = Running::of(&root);
    let listed = server.call("/api/rollouts").json();
    let mut names: Vec<_> =
        listed["rollouts"].as_array().unwrap().iter().map(|rollout| rollout["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(listed["is_root"], true);
    assert_eq!(server.call("/api/overview?rollout=one").json()["name"], "one");
    let outside = folder.path().join("outside").display().to_string();
    for name in ["", "link", "../outside", "one/../../outside", "..%2Foutside", "one/", "./one", &outside] {
        for call in ["overview?", "spans?", "payload?id=1&", "answer?question=stats&", "answer?question=diff&with=one&"]
        {
            let reply = server.call(&format!("/api/{call}rollout={name}"));
            assert_eq!(reply.status, 404, "{call} {name}: {}", reply.text());
        }
        let reply = server.call(&format!("/api/answer?question=diff&rollout=one&with={name}"));
        assert_eq!(reply.status, 404, "{name}");
    }
    assert_eq!(server.call("/api/answer?question=diff&rollout=one&with=two").json()["same"], true);
    for path in
        ["/../../../etc/passwd", "/app.js/..", "//etc/passwd", "/%2e%2e/Cargo.toml", "/dist/app.js", "/api/../app.js"]
    {
        let reply = server.call(path);
        // A path that the protocol does not know is refused before it is looked at.
        assert!([400, 404].contains(&reply.status), "{path}: {}", reply.head);
    }
    for id in ["../manifest", "..%2F..%2Fmanifest.json", "%2Fetc%2Fpasswd", "0", "-1", "999999999999999999999", ""] {
        assert_eq!(server.call(&format!("/api/payload?rollout=one&id={id}")).status, 404, "{id}");
    }
}

#[test]
fn calls_answer_with_what_the_command_line_says() {
    let server = Running::of(SAMPLE);
    let overview = server.call("/api/overview").json();
    assert_eq!(overview["rollout"]["verdict"]["verdict"], "sealed");
    assert_eq!(overview["rollout"]["counts"]["request"], 5);
    let why = server.call("/api/answer?question=why&subject=item:5").json();
    let relations: Vec<_> = why["path"].as_array().unwrap().iter().map(|hop| hop["relation"].clone()).collect();
    assert_eq!(relations, ["output_of", "called_in", "answered_in", "asked_in", "began_with", "origin"]);
    let causes = server.call("/api/causes").json();
    assert_eq!(
        causes["items"]["relation"]["words"][causes["items"]["relation"]["at"][4].as_u64().unwrap() as usize],
        "output_of"
    );
    let text = server.call("/api/texts?of=item:2&from=4&limit=5").json();
    assert_eq!(text["texts"][0]["parts"][0]["text"], "price");
    let payload = server.call("/api/payload?id=2&from=0&limit=1");
    assert_eq!((payload.text().as_str(), payload.header("content-disposition")), ("{", Some("attachment")));
    assert!(payload.header("x-payload-bytes").unwrap().parse::<usize>().unwrap() > 100);
    assert_eq!(server.call("/api/event?seq=1").json()["seq"], 1);
    assert_eq!(server.call("/api/select?at=request:2").json()["thing"], serde_json::json!([1, 1]));
    let missing = server.call("/api/select?at=request:99").json();
    assert!(missing["problem"].as_str().unwrap().contains("5 requests"), "{missing}");
    for (path, status) in [
        ("/api/event?seq=99", 404),
        ("/api/texts?of=item:99", 404),
        ("/api/texts?of=nonsense", 400),
        ("/api/texts", 400),
        ("/api/items?from=x", 400),
        ("/api/answer?question=why&subject=nonsense", 404),
        ("/api/answer?question=grep&pattern=(", 400),
        ("/api/answer?question=blame&by=x", 400),
        ("/api/answer?question=diff", 400),
        ("/api/image?id=2&n=0", 404),
    ] {
        let reply = server.call(path);
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
        assert!(!reply.json()["error"].as_str().unwrap().is_empty(), "{path}");
    }
    let compressed = server.get("/api/overview", &format!("{}Accept-Encoding: br, gzip\r\n", server.cookie()));
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    let plain = server.get("/api/overview", &format!("{}Accept-Encoding: gzip;q=0\r\n", server.cookie()));
    assert_eq!(plain.header("content-encoding"), None);
}

#[test]
fn a_newer_schema_is_said_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    copy_sample(folder.path());
    for name in ["manifest.json", "trace.jsonl"] {
        let path = folder.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(
            path,
            text.replace("\"schema_version\":2", "\"schema_version\":9")
                .replace("\"schema_version\": 2", "\"schema_version\": 9"),
        )
        .unwrap();
    }
    let server = Running::of(folder.path());
    let overview = server.call("/api/overview").json();
    assert!(overview["refused"]["what"].as_str().unwrap().contains("schema version 9"), "{overview}");
    assert_eq!(overview["rollout"], Value::Null);
    assert_eq!(server.call("/api/spans").status, 404);
}

#[test]
fn a_damaged_bundle_is_shown_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    copy_sample(folder.path());
    let log = folder.path().join("trace.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines[20] = "{\"torn";
    lines.truncate(40);
    fs::write(&log, lines.join("\n")).unwrap();
    for name in ["2", "8", "16"] {
        let _ = fs::remove_file(folder.path().join(format!("payloads/{name}.json")));
    }
    let server = Running::of(folder.path());
    let overview = server.call("/api/overview").json();
    assert_eq!(overview["rollout"]["verdict"]["verdict"], "damaged");
    for call in ["spans", "items", "labels", "review", "changes", "causes", "events", "answer?question=unseen"] {
        assert_eq!(server.call(&format!("/api/{call}")).status, 200, "{call}");
    }
    let events = server.call("/api/events").json();
    assert!(!events["damage"].as_object().unwrap().is_empty());
    assert_eq!(server.call("/api/payload?id=2").status, 404);
}
