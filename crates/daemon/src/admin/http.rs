//! HTTP/1.1 on an accepted connection: reads requests, finds who answers, writes answers.
//!
//! Bodies and times are bounded. Who asked for a change is logged; questions aren't. RFC 9110, RFC 9112.

use std::convert::Infallible;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::routes::{Answer, Found, Method, Refusal, Request, StatusCode, read_query};
use super::{Admin, metrics};
use crate::stream::{Peer, Stream};

/// A request's body in octets.
const MAX_BODY: usize = 1 << 20;
/// How long a client may take for its headers, and to be idle.
const HEADER_TIME: Duration = Duration::from_secs(30);
/// How long a body may take to come.
const BODY_TIME: Duration = Duration::from_secs(30);
/// How long an answer may take to be made.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// A whole answer.
struct Reply {
    status: StatusCode,
    content_type: &'static str,
    body: String,
}

impl Reply {
    fn json(status: StatusCode, value: &Value) -> Self {
        Self { status, content_type: "application/json", body: format!("{value}\n") }
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        match answer {
            Ok(value) => Self::json(StatusCode::OK, &value),
            Err(refusal) => Self::json(refusal.status, &json!({ "error": refusal.message })),
        }
    }
}

/// Serves one connection until its end or the daemon's.
pub(super) async fn serve(admin: Admin, stream: Stream, peer: Peer, stop: CancellationToken) {
    let service = service_fn(move |request| {
        let (admin, peer) = (admin.clone(), peer.clone());
        async move { Ok::<_, Infallible>(respond(&admin, request, peer).await) }
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

async fn respond(
    admin: &Admin,
    request: hyper::Request<Incoming>,
    peer: Peer,
) -> hyper::Response<Full<Bytes>> {
    let reply = answer(admin, request, peer).await;
    let mut response = hyper::Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = reply.status;
    let content_type = HeaderValue::from_static(reply.content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

async fn answer(admin: &Admin, request: hyper::Request<Incoming>, peer: Peer) -> Reply {
    let (head, body) = request.into_parts();
    if matches!(head.method, Method::GET | Method::HEAD) {
        match head.uri.path() {
            "/v1/status" => return Reply::json(StatusCode::OK, &admin.status()),
            "/v1/health" => {
                let health = admin.health().await;
                return Reply::json(health.http_status(), &health.to_json());
            }
            "/metrics" => return exposition(admin).await,
            _ => {}
        }
    }
    routed(admin, head, body, peer).await.into()
}

/// Gathering looks into /proc, which may block for a moment.
async fn exposition(admin: &Admin) -> Reply {
    let health = admin.health().await;
    let gathering = admin.clone();
    match tokio::task::spawn_blocking(move || gathering.exposition(&health)).await {
        Ok(body) => Reply { status: StatusCode::OK, content_type: metrics::CONTENT_TYPE, body },
        Err(error) => Err(Refusal::unavailable(error.to_string())).into(),
    }
}

async fn routed(
    admin: &Admin,
    head: hyper::http::request::Parts,
    body: Incoming,
    peer: Peer,
) -> Answer {
    let path = head.uri.path();
    let (handler, parts) = match admin.routes().find(&head.method, path) {
        Found::Handler(handler, parts) => (handler, parts),
        Found::OtherMethod => {
            let message = format!("{} is not possible here", head.method);
            return Err(Refusal { status: StatusCode::METHOD_NOT_ALLOWED, message });
        }
        Found::Nothing => {
            return Err(Refusal::not_found(format!("{} has nothing at {path}", admin.name())));
        }
    };
    let query = read_query(head.uri.query().unwrap_or_default());
    let body = read_body(body).await?;
    let request = Request { parts, query, body, peer: peer.clone() };
    let answer = tokio::time::timeout(ANSWER_TIME, handler(request))
        .await
        .unwrap_or_else(|_| Err(Refusal::unavailable("it took too long")));
    if !matches!(head.method, Method::GET | Method::HEAD) {
        let status = answer.as_ref().map_or_else(|refusal| refusal.status, |_| StatusCode::OK);
        tracing::info!(
            by = %peer,
            method = %head.method,
            path,
            status = status.as_u16(),
            "the operator asked for a change"
        );
    }
    answer
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
