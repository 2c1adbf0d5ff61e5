//! `dovetail metrics serve`: `/metrics` on TCP, for Prometheus.
//!
//! It has no other route and takes no request's body: whoever reaches it may read figures, and change
//! nothing. It needs the group of the admin sockets and no other privilege.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use daemon::{Access, Life, Listener, SocketAddress, Stream};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Mutex;

use super::gather;
use crate::exit::{EX_OSERR, Failure};
use crate::{admin, output};

/// Connections at a time for each socket; more wait.
const MAX_CONNECTIONS: usize = 16;
/// How long a client may take for its headers, and to be idle.
const HEADER_TIME: Duration = Duration::from_secs(30);
/// How long a connection may last.
const CONNECTION_TIME: Duration = Duration::from_secs(3600);
/// How long what was gathered is good for: many who ask cost the daemons one.
const KEPT: Duration = Duration::from_secs(1);
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What was gathered last.
struct Gathered {
    folder: PathBuf,
    last: Mutex<Option<(Instant, Bytes)>>,
}

pub(super) fn run(folder: &Path, listen: &SocketAddress) -> Result<(), Failure> {
    let listeners = listeners(listen)?;
    let places: Vec<String> = listeners.iter().flat_map(Listener::addresses).collect();
    output::print(&format!("serving metrics at {}\n", places.join(", ")))?;
    let gathered = Arc::new(Gathered { folder: folder.to_owned(), last: Mutex::new(None) });
    admin::block_on(async move {
        let mut serving = tokio::task::JoinSet::new();
        for listener in listeners {
            let gathered = Arc::clone(&gathered);
            let serve = move |stream, _| connection(stream, Arc::clone(&gathered));
            serving.spawn(listener.serve(MAX_CONNECTIONS, Life::new(), serve));
        }
        match serving.join_next().await {
            Some(Ok(Err(error))) => Err(failed(&error)),
            _ => Err(Failure::new(EX_OSERR, "a listener ended")),
        }
    })
}

fn failed(error: &daemon::Error) -> Failure {
    Failure::new(EX_OSERR, error.to_string())
}

/// Those that systemd passed, else the address.
fn listeners(listen: &SocketAddress) -> Result<Vec<Listener>, Failure> {
    let inherited = daemon::inherited_sockets();
    if inherited.is_empty() {
        let access = Access { mode: 0o660, uid: None, gid: None };
        let sockets = daemon::bind("metrics", listen, access).map_err(|error| failed(&error))?;
        let listener = Listener::from_sockets("metrics", sockets);
        return listener.map(|one| vec![one]).map_err(|error| failed(&error));
    }
    let of = |(name, socket): (String, _)| {
        Listener::from_sockets(&name, vec![socket]).map_err(|error| failed(&error))
    };
    inherited.into_iter().map(of).collect()
}

async fn connection(stream: Stream, gathered: Arc<Gathered>) {
    let service = service_fn(move |request| {
        let gathered = Arc::clone(&gathered);
        async move { Ok::<_, Infallible>(answer(&request, &gathered).await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).half_close(true);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    // A client that goes away in the middle is its own affair.
    let _ = tokio::time::timeout(CONNECTION_TIME, connection).await;
}

async fn answer(request: &Request<Incoming>, gathered: &Gathered) -> Response<Full<Bytes>> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, gathered.text().await),
        (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, Bytes::from_static(b"only GET\n")),
        _ => (StatusCode::NOT_FOUND, Bytes::from_static(b"only /metrics is here\n")),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(TEXT));
    response
}

impl Gathered {
    async fn text(&self) -> Bytes {
        // Whoever comes meanwhile waits and gets the same.
        let mut last = self.last.lock().await;
        if let Some((_, text)) = last.as_ref().filter(|(at, _)| at.elapsed() < KEPT) {
            return text.clone();
        }
        let text = Bytes::from(gather(&self.folder).await);
        *last = Some((Instant::now(), text.clone()));
        text
    }
}
