//! The bodies of responses.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::Full;
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        mpsc,
    },
    time::sleep,
};

use crate::live::Push;

/// After how long without news a stream says that it is still there.
const SILENCE: Duration = Duration::from_secs(15);

/// The body of a response.
pub(crate) enum Body {
    /// All of it.
    Whole(Full<Bytes>),
    /// Server-sent events, as they come.
    Events(mpsc::Receiver<Bytes>),
}

impl From<Full<Bytes>> for Body {
    fn from(whole: Full<Bytes>) -> Self {
        Self::Whole(whole)
    }
}

impl Body {
    /// Returns a stream of what is new in a rollout; of one that does not grow, only that it has ended.
    pub(crate) fn events(pushes: Option<broadcast::Receiver<Push>>) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            // An error says that the page was closed.
            let _ = match pushes {
                Some(pushes) => send(pushes, &sender).await,
                None => sender.send(event(&Push::Ended)).await,
            };
        });
        Self::Events(receiver)
    }
}

async fn send(
    mut pushes: broadcast::Receiver<Push>,
    page: &mpsc::Sender<Bytes>,
) -> Result<(), mpsc::error::SendError<Bytes>> {
    // A browser tells the page that the stream is there once something has come.
    page.send(Bytes::from_static(b"retry: 1000\n\n")).await?;
    loop {
        let push = tokio::select! {
            push = pushes.recv() => push,
            () = sleep(SILENCE) => {
                page.send(Bytes::from_static(b":\n\n")).await?;
                continue;
            }
            () = page.closed() => return Ok(()),
        };
        match push {
            Ok(push) => page.send(event(&push)).await?,
            // The page was too slow for all of it.
            Err(RecvError::Lagged(_)) => page.send(event(&Push::Anew)).await?,
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

/// Returns a push as a server-sent event. JSON on one line has no line breaks.
fn event(push: &Push) -> Bytes {
    match push {
        Push::Grown(json) => format!("event: grown\ndata: {json}\n\n").into(),
        Push::Anew => Bytes::from_static(b"event: anew\ndata:\n\n"),
        Push::Ended => Bytes::from_static(b"event: ended\ndata:\n\n"),
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(whole) => Pin::new(whole).poll_frame(context),
            Self::Events(events) => events.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Events(_) => SizeHint::default(),
        }
    }
}
