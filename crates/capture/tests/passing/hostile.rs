//! Peers that mean harm, or are broken.

use std::{net::Ipv4Addr, time::Duration};

use rollout_trace_capture::{ExchangeEnd, Feed, Proxy, Tap, Upstream, What};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};

/// A server that counts its connections and handles each in the same way.
async fn server<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> (String, JoinHandle<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let task = tokio::spawn(async move {
        while let Ok((peer, _)) = listener.accept().await {
            tokio::spawn(handle(peer));
        }
    });
    (address, task)
}

fn proxy_for(address: &str, tap: Tap) -> Proxy {
    let upstream = Upstream::parse("x", &format!("http://{address}")).expect("an address");
    Proxy::start(vec![upstream], |_| None, tap).expect("a proxy")
}

fn request(proxy: &Proxy) -> String {
    let base = proxy.base_url("x");
    let path = base.strip_prefix(&format!("http://{}", proxy.address())).expect("a path");
    format!("POST {path}/v1/messages HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\n{{}}", proxy.address())
}

async fn asked(proxy: &Proxy, request: &str) -> TcpStream {
    let mut client = TcpStream::connect(proxy.address()).await.expect("the port is open");
    client.write_all(request.as_bytes()).await.expect("a request");
    client
}

async fn head_of(peer: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        assert!(peer.read_buf(&mut head).await.expect("a request") > 0);
    }
}

/// Returns how the next exchange ends.
async fn end_of_next(feed: Feed) -> (Feed, ExchangeEnd) {
    spawn_blocking(move || {
        loop {
            let seen = feed.next_within(Duration::from_secs(60)).expect("the exchange ends");
            if let What::End(end) = seen.what {
                return (feed, end);
            }
        }
    })
    .await
    .expect("the feed is read")
}

#[tokio::test(flavor = "multi_thread")]
async fn only_requests_with_the_key_from_this_machine_are_passed_on() {
    let (address, _server) = server(|_| async { panic!("nothing may arrive") }).await;
    let (tap, feed) = Tap::open();
    let proxy = proxy_for(&address, tap);
    let good = request(&proxy);
    let key = proxy.base_url("x").rsplit('/').nth(1).expect("a key").to_owned();
    let host = format!("Host: {}", proxy.address());
    for (bad, status) in [
        (good.replace(&key, &"0".repeat(key.len())), "404"),
        (good.replace(&key, &key[1..]), "404"),
        (good.replace("/x/", "/y/"), "404"),
        (good.replace(&host, "Host: evil.example"), "403"),
        (good.replace(&host, &format!("{host}\r\nOrigin: https://evil.example")), "403"),
        (good.replace(&host, &format!("{host}\r\nSec-Fetch-Site: cross-site")), "403"),
        (format!("CONNECT {address} HTTP/1.1\r\n{host}\r\n\r\n"), "404"),
        (format!("GET http://{address}/ HTTP/1.1\r\n{host}\r\n\r\n"), "404"),
        ("nonsense\r\n\r\n".to_owned(), "400"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(300 << 10)), "400"),
    ] {
        let mut client = asked(&proxy, &bad).await;
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{bad}\n{answer}");
        assert!(!answer.to_lowercase().contains("access-control"));
    }
    spawn_blocking(move || proxy.stop(Duration::from_secs(5))).await.expect("the proxy stops");
    assert!(feed.next().is_none(), "no exchange began");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_is_not_there() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let (tap, feed) = Tap::open();
    let proxy = proxy_for(&address, tap);
    let mut client = asked(&proxy, &request(&proxy)).await;
    assert!(client.read_to_end(&mut Vec::new()).await.is_err(), "the connection is reset");
    let (_, end) = end_of_next(feed).await;
    assert!(matches!(&end, ExchangeEnd::UpstreamBroke(how) if how.contains(&address)), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_and_clients_that_disappear() {
    let (address, _server) = server(|mut peer| async move {
        let mut all = Vec::new();
        let _ = peer.read_to_end(&mut all).await;
    })
    .await;
    let (tap, mut feed) = Tap::open();
    let proxy = proxy_for(&address, tap);
    let request = request(&proxy);
    for is_reset in [false, true] {
        let client = asked(&proxy, &request).await;
        if is_reset {
            client.set_zero_linger().expect("an option");
        }
        drop(client);
        let end;
        (feed, end) = end_of_next(feed).await;
        assert_eq!(end, ExchangeEnd::ClientClosed);
    }
    // The proxy can be stopped while a request waits.
    let waiting = asked(&proxy, &request).await;
    let feed = spawn_blocking(move || {
        while !matches!(feed.next().expect("a request").what, What::RequestEnd) {}
        proxy.stop(Duration::from_millis(1));
        feed
    });
    let (_, end) = end_of_next(feed.await.expect("the proxy stops")).await;
    assert_eq!(end, ExchangeEnd::Stopped);
    drop(waiting);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_takes_bounded_memory() {
    const PASSED: usize = 256 << 20;
    const LIMIT: usize = 1 << 20;
    let (address, _server) = server(|mut peer| async move {
        head_of(&mut peer).await;
        let _ = peer.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let zeros = vec![0; 1 << 20];
        while peer.write_all(&zeros).await.is_ok() {}
    })
    .await;
    let (tap, feed) = Tap::with_limit(LIMIT);
    let proxy = proxy_for(&address, tap);
    // The recording keeps everything that it gets, and never frees it.
    let watched = spawn_blocking(move || {
        let (mut copies, mut missed) = (Vec::new(), 0_usize);
        while let Some(seen) = feed.next() {
            match seen.what {
                What::ResponseData(copied) => copies.push(copied),
                What::Missed { .. } => missed += 1,
                What::End(_) => break,
                _ => {}
            }
        }
        (copies.iter().map(|copy| copy.len()).sum::<usize>(), missed)
    });
    let mut client = asked(&proxy, &request(&proxy)).await;
    let (mut passed, mut bytes) = (0, vec![0; 1 << 20]);
    while passed < PASSED {
        passed += client.read(&mut bytes).await.expect("more of the answer");
    }
    drop(client);
    let (copied, missed) = watched.await.expect("the feed is read");
    assert!(copied <= LIMIT && missed > 0, "{copied} {missed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_answers_at_a_time() {
    const CLIENTS: usize = 500;
    // A client, two ends in the proxy and a server of each, in this one process.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let wanted = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, wanted).expect("a higher limit");
    let (address, _server) = server(|mut peer| async move {
        head_of(&mut peer).await;
        peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst").await.expect("a client");
        let mut byte = [0];
        // The second half comes once all clients have the first.
        peer.read_exact(&mut byte).await.expect("a client");
        peer.write_all(b"later").await.expect("a client");
    })
    .await;
    let proxy = proxy_for(&address, Tap::closed());
    let request = request(&proxy).replace("Content-Length: 2", "Content-Length: 3");
    let all = async {
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            clients.push(asked(&proxy, &request).await);
        }
        for client in &mut clients {
            let mut first = [0; 44];
            client.read_exact(&mut first).await.expect("the first half");
            assert!(first.ends_with(b"first"), "{:?}", str::from_utf8(&first));
        }
        for client in &mut clients {
            client.write_all(b" ").await.expect("the rest of the request");
        }
        for client in &mut clients {
            let mut later = [0; 5];
            client.read_exact(&mut later).await.expect("the second half");
            assert_eq!(&later, b"later");
        }
    };
    timeout(Duration::from_secs(120), all).await.expect("nobody waits for ever");
}
