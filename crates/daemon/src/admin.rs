//! The operator's socket: HTTP/1.1 and JSON over a Unix socket, so that curl can ask too.
//!
//! `GET /v1/status` answers for every daemon; others are registered by the daemon itself. Bodies,
//! connections and times are bounded. Paths begin `/v1/`; JSON keys are only ever added.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Map, Value, json};

pub use hyper::{Method, StatusCode};

use crate::error::Error;
use crate::life::Life;
use crate::listener::Listener;
use crate::stream::{Peer, Stream};
use crate::time::{now_millis, rfc3339};

/// Connections at a time; more wait.
const MAX_CONNECTIONS: usize = 32;
/// A request's body in octets.
const MAX_BODY: usize = 1 << 20;
/// How long a client may take for its headers, and to be idle.
const HEADER_TIME: Duration = Duration::from_secs(30);
/// How long a body may take to come.
const BODY_TIME: Duration = Duration::from_secs(30);
/// How long an answer may take to be made.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// A request to a registered route.
#[derive(Debug)]
pub struct Request {
    /// What stood in place of `{NAME}` in the route's path, decoded.
    pub parts: BTreeMap<String, String>,
    /// `?key=value`, decoded.
    pub query: BTreeMap<String, String>,
    /// The body; `Null` if there was none.
    pub body: Value,
    /// Who asks.
    pub peer: Peer,
}

impl Request {
    /// What stood in place of `{name}`; empty if the route has no such part.
    #[must_use]
    pub fn part(&self, name: &str) -> &str {
        self.parts.get(name).map_or("", String::as_str)
    }
}

/// An answer that isn't 200: `{"error": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// What was wrong.
    pub message: String,
}

impl Refusal {
    /// 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    /// 503: not now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, message: message.into() }
    }
}

/// What a route answers.
pub type Answer = Result<Value, Refusal>;
type Boxed = Pin<Box<dyn Future<Output = Answer> + Send>>;
type Handler = Arc<dyn Fn(Request) -> Boxed + Send + Sync>;
type Figure = Box<dyn Fn() -> Value + Send + Sync>;

struct Route {
    method: Method,
    path: &'static str,
    handler: Handler,
}

struct Inner {
    name: &'static str,
    started_millis: u64,
    started: Instant,
    figures: Mutex<BTreeMap<&'static str, Figure>>,
    routes: RwLock<Vec<Route>>,
    life: Life,
}

/// Figures and routes of the admin socket. Cheap to clone.
#[derive(Clone)]
pub struct Admin(Arc<Inner>);

impl Admin {
    /// For the daemon of this name.
    #[must_use]
    pub fn new(name: &'static str, life: Life) -> Self {
        Self(Arc::new(Inner {
            name,
            started_millis: now_millis(),
            started: Instant::now(),
            figures: Mutex::new(BTreeMap::new()),
            routes: RwLock::new(Vec::new()),
            life,
        }))
    }

    /// Adds a key to `/v1/status`: a number, say, asked for anew at each request. It must not block.
    pub fn figure<V: Into<Value>>(
        &self,
        name: &'static str,
        figure: impl Fn() -> V + Send + Sync + 'static,
    ) {
        let mut figures = self.0.figures.lock().unwrap_or_else(PoisonError::into_inner);
        figures.insert(name, Box::new(move || figure().into()));
    }

    /// Registers a route: `route(Method::GET, "/v1/queue/{id}", |request| async move { … })`. An
    /// answer that takes longer than a minute is given up.
    pub fn route<F, Fut>(&self, method: Method, path: &'static str, handler: F)
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |request| Box::pin(handler(request)));
        let mut routes = self.0.routes.write().unwrap_or_else(PoisonError::into_inner);
        routes.push(Route { method, path, handler });
    }

    fn status(&self) -> Value {
        let mut status = Map::new();
        let mut put = |key: &str, value: Value| status.insert(key.to_owned(), value);
        put("name", self.0.name.into());
        put("version", env!("CARGO_PKG_VERSION").into());
        put("pid", std::process::id().into());
        put("started", rfc3339(self.0.started_millis).into());
        put("uptime", self.0.started.elapsed().as_secs().into());
        put("connections", self.0.life.connections().into());
        put("connections_total", self.0.life.connections_total().into());
        put("stopping", self.0.life.shutdown.is_cancelled().into());
        let figures = self.0.figures.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, figure) in figures.iter() {
            put(name, figure());
        }
        Value::Object(status)
    }

    /// Finds the route; `Err` has the status for a path, or a method, that isn't there.
    fn find(
        &self,
        method: &Method,
        path: &str,
    ) -> Result<(Handler, BTreeMap<String, String>), Refusal> {
        let routes = self.0.routes.read().unwrap_or_else(PoisonError::into_inner);
        let mut other_method = false;
        for route in routes.iter() {
            if let Some(parts) = match_path(route.path, path) {
                if route.method == *method {
                    return Ok((Arc::clone(&route.handler), parts));
                }
                other_method = true;
            }
        }
        if other_method {
            let message = format!("{method} is not possible here");
            return Err(Refusal { status: StatusCode::METHOD_NOT_ALLOWED, message });
        }
        Err(Refusal::not_found(format!("{} has nothing at {path}", self.0.name)))
    }

    async fn answer(&self, request: hyper::Request<Incoming>, peer: Peer) -> Answer {
        let (head, body) = request.into_parts();
        if head.uri.path() == "/v1/status" && matches!(head.method, Method::GET | Method::HEAD) {
            return Ok(self.status());
        }
        let (handler, parts) = self.find(&head.method, head.uri.path())?;
        let query = read_query(head.uri.query().unwrap_or_default());
        let body = read_body(body).await?;
        let request = Request { parts, query, body, peer };
        tokio::time::timeout(ANSWER_TIME, handler(request))
            .await
            .unwrap_or_else(|_| Err(Refusal::unavailable("it took too long")))
    }

    async fn reply(
        &self,
        request: hyper::Request<Incoming>,
        peer: Peer,
    ) -> hyper::Response<Full<Bytes>> {
        let (status, value) = match self.answer(request, peer).await {
            Ok(value) => (StatusCode::OK, value),
            Err(refusal) => (refusal.status, json!({ "error": refusal.message })),
        };
        let mut response = hyper::Response::new(Full::new(Bytes::from(format!("{value}\n"))));
        *response.status_mut() = status;
        let json = hyper::header::HeaderValue::from_static("application/json");
        response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
        response
    }

    /// Answers on the listener until shutdown.
    pub(crate) async fn serve(self, listener: Listener, life: Life) -> Result<(), Error> {
        let (admin, stop) = (self, life.shutdown.clone());
        let serve = move |stream: Stream, peer: Peer| {
            let (admin, stop) = (admin.clone(), stop.clone());
            async move { admin.connection(stream, peer, stop).await }
        };
        listener.serve(MAX_CONNECTIONS, life, serve).await
    }

    async fn connection(
        self,
        stream: Stream,
        peer: Peer,
        stop: tokio_util::sync::CancellationToken,
    ) {
        let service = service_fn(move |request| {
            let (admin, peer) = (self.clone(), peer.clone());
            async move { Ok::<_, Infallible>(admin.reply(request, peer).await) }
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).half_close(true);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "admin connection");
        }
    }
}

async fn read_body(body: Incoming) -> Result<Value, Refusal> {
    let too_large = || Refusal {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        message: format!("the body has more than {MAX_BODY} octets"),
    };
    // A length said beforehand is refused before it is sent.
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(too_large());
    }
    let collected = tokio::time::timeout(BODY_TIME, Limited::new(body, MAX_BODY).collect()).await;
    let bytes = match collected {
        Err(_) => {
            let message = "the body took too long".to_owned();
            return Err(Refusal { status: StatusCode::REQUEST_TIMEOUT, message });
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large()),
        Ok(Err(error)) => return Err(Refusal::bad_request(error.to_string())),
        Ok(Ok(collected)) => collected.to_bytes(),
    };
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::bad_request(format!("not JSON: {error}")))
}

/// Matches a path with `{NAME}` parts; each is one segment, percent-decoded.
fn match_path(pattern: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let mut parts = BTreeMap::new();
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        let segment = segments.next()?;
        match wanted.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => {
                parts.insert(name.to_owned(), decode(segment, false)?);
            }
            _ if wanted == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(parts)
}

fn read_query(query: &str) -> BTreeMap<String, String> {
    let pair = |text: &str| {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        Some((decode(key, true)?, decode(value, true)?))
    };
    query.split('&').filter(|pair| !pair.is_empty()).filter_map(pair).collect()
}

/// Percent-decoding (RFC 3986 §2.1); `+` is a blank in queries only.
fn decode(text: &str, plus: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' if plus => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(match_path("/v1/queue", "/v1/queue").unwrap().len(), 0);
        let parts = match_path("/v1/queue/{id}", "/v1/queue/a%2Fb").unwrap();
        assert_eq!(parts.get("id").unwrap(), "a/b");
        for path in ["/v1/queue/", "/v1/queue", "/v1/queue/a/b", "/v1/queue/%zz", "/v1/queue/%f"] {
            assert!(match_path("/v1/queue/{id}", path).is_none(), "{path}");
        }
    }

    #[test]
    fn queries() {
        let query = read_query("a=1&b=x+y%26&c&&=z");
        assert_eq!(query.get("a").unwrap(), "1");
        assert_eq!(query.get("b").unwrap(), "x y&");
        assert_eq!(query.get("c").unwrap(), "");
    }
}
