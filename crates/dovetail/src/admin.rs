//! Asking a daemon at its admin socket: one request a connection, HTTP/1.1 and JSON.

use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

use crate::exit::{EX_NOPERM, EX_NOUSER, EX_TEMPFAIL, EX_USAGE, Failure};

/// The longest answer, in octets: a queue of some hundred thousand messages.
const MAX_ANSWER: usize = 1 << 28;
/// How long a daemon may take.
const PATIENCE: Duration = Duration::from_secs(70);
/// How long a daemon may take, and how much it may say, when many are asked at once.
const GLANCE: Duration = Duration::from_secs(5);
const MAX_GLANCE: usize = 4 << 20;

/// Runs a command's conversation to its end, on this thread alone.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::system("tokio", error))?.block_on(work)
}

/// Asks and waits for the answer; an answer that isn't 2xx is a failure with its message.
pub(crate) async fn ask(
    socket: &Path,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Failure> {
    let answer = exchange(socket, method, path, body, MAX_ANSWER);
    let answer = tokio::time::timeout(PATIENCE, answer).await;
    let (status, bytes) = answer.unwrap_or_else(|_| Err(away(socket, "no answer")))?;
    let value: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(value);
    }
    let said = value.get("error").and_then(Value::as_str).unwrap_or("it refused");
    Err(Failure::new(
        code(status),
        said.lines().map(crate::output::harmless).collect::<Vec<_>>().join("\n"),
    ))
}

/// Asks what has a short answer soon, or none: a look at many daemons must not wait for one. The
/// answer comes as it is, whatever its status.
pub(crate) async fn glance(socket: &Path, path: &str) -> Result<(StatusCode, Bytes), Failure> {
    let answer = exchange(socket, Method::GET, path, None, MAX_GLANCE);
    let answer = tokio::time::timeout(GLANCE, answer).await;
    answer.unwrap_or_else(|_| Err(away(socket, "no answer")))
}

/// Whether nobody listens on the socket, or there is none.
pub(crate) async fn is_deserted(socket: &Path) -> bool {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    match tokio::time::timeout(GLANCE, UnixStream::connect(socket)).await {
        Ok(Err(error)) => matches!(error.kind(), ConnectionRefused | NotFound),
        Ok(Ok(_)) | Err(_) => false,
    }
}

fn away(socket: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::new(EX_TEMPFAIL, format!("{}: {why}", socket.display()))
}

async fn exchange(
    socket: &Path,
    method: Method,
    path: &str,
    body: Option<&Value>,
    longest: usize,
) -> Result<(StatusCode, Bytes), Failure> {
    let stream = UnixStream::connect(socket).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => {
            Failure::new(EX_NOPERM, format!("{}: {error}", socket.display()))
        }
        _ => away(socket, error),
    })?;
    let lost = |error: hyper::Error| away(socket, error);
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(lost)?;
    let driver = tokio::spawn(connection);
    let text = body.map_or_else(String::new, Value::to_string);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(text)))
        .map_err(|error| Failure::new(EX_USAGE, error.to_string()))?;
    let response = sender.send_request(request).await.map_err(lost)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), longest).collect().await;
    let bytes = body.map_err(|error| away(socket, error))?.to_bytes();
    driver.abort();
    Ok((status, bytes))
}

fn code(status: StatusCode) -> u8 {
    match status {
        StatusCode::NOT_FOUND => EX_NOUSER,
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => EX_NOPERM,
        status if status.is_client_error() => EX_USAGE,
        _ => EX_TEMPFAIL,
    }
}

/// A text as one segment of a path (RFC 3986 §2.1).
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
