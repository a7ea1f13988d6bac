//! A server on loopback that answers with any bytes.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// An answer, byte for byte.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The status, such as `400 Bad Request`, and further header lines.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) framing: Framing,
}

/// How the client learns where the body ends, and in what pieces it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length,
    Chunked,
    Close,
    /// In pieces of three bytes.
    Pieces,
    /// The connection closes before the announced end.
    Cut,
}

impl Framing {
    pub(crate) const WHOLE: [Self; 4] = [Self::Length, Self::Chunked, Self::Close, Self::Pieces];
}

/// A request that has arrived.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) endpoint: String,
    pub(crate) agent: String,
    pub(crate) body: Value,
}

/// A server, which stops when it is dropped.
pub(crate) struct RawServer {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RawServer {
    /// Starts a server. `choose` returns the answer to a request, and is given the number of the agent's earlier requests
    /// to the same endpoint.
    pub(crate) async fn start(choose: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&requests);
        let choose = Arc::new(choose);
        let of_root = watch::Sender::new(0);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (choose, requests, of_root) = (Arc::clone(&choose), Arc::clone(&shared), of_root.clone());
                tokio::spawn(async move {
                    // The client closes the connection once it has read enough.
                    let _ = serve(stream, &*choose, &requests, &of_root).await;
                });
            }
        });
        Self { url, requests, task }
    }

    /// Returns all requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(
    stream: TcpStream,
    choose: &(impl Fn(&Request, usize) -> Answer + ?Sized),
    requests: &Mutex<Vec<Request>>,
    of_root: &watch::Sender<usize>,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let endpoint = line.split(' ').nth(1).unwrap_or_default().trim_start_matches("/v1/").to_owned();
    let mut headers = HashMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).await?;
    let request = Request {
        endpoint,
        agent: headers.get("x-agent-path").cloned().unwrap_or_default(),
        body: serde_json::from_slice(&body).unwrap(),
    };
    let earlier = {
        let mut requests = requests.lock().unwrap();
        let earlier =
            requests.iter().filter(|other| other.agent == request.agent && other.endpoint == request.endpoint);
        let earlier = earlier.count();
        requests.push(request.clone());
        earlier
    };
    if request.agent == "/root" {
        of_root.send_modify(|requests| *requests += 1);
    } else {
        // A child's end could otherwise come before or after its parent's next request.
        let _ = of_root.subscribe().wait_for(|requests| *requests >= 2).await;
    }
    let Answer { head, body, framing } = choose(&request, earlier);
    let end = match framing {
        Framing::Chunked => "transfer-encoding: chunked".to_owned(),
        Framing::Close => "x-framing: none".to_owned(),
        Framing::Length | Framing::Pieces => format!("content-length: {}", body.len()),
        Framing::Cut => format!("content-length: {}", body.len() + 100),
    };
    let stream = stream.get_mut();
    stream.write_all(format!("HTTP/1.1 {head}\r\n{end}\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    match framing {
        Framing::Chunked => {
            for chunk in body.chunks(50) {
                stream.write_all(&[format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()).await?;
            }
            stream.write_all(b"0\r\n\r\n").await?;
        }
        Framing::Pieces => {
            stream.set_nodelay(true)?;
            for piece in body.chunks(3) {
                stream.write_all(piece).await?;
                tokio::task::yield_now().await;
            }
        }
        Framing::Length | Framing::Close | Framing::Cut => stream.write_all(&body).await?,
    }
    stream.shutdown().await?;
    // What is left of the request must be read, or the client may not see the end of the answer.
    while stream.read(&mut [0; 1024]).await? > 0 {}
    Ok(())
}
