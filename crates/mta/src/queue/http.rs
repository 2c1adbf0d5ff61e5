//! One question and its answer at an admin socket: HTTP/1.0, so that the answer ends with the connection
//! (RFC 9112 §9.3).

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take; the daemons give themselves a minute.
const PATIENCE: Duration = Duration::from_secs(90);
/// Octets of an answer.
const MAX_ANSWER: u64 = 64 << 20;

/// What was answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// HTTP's status.
    pub(super) status: u16,
    /// JSON.
    pub(super) body: Vec<u8>,
}

/// Asks, and hears the whole answer.
pub(super) fn ask(
    socket: &Path,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request(method, path, body).as_bytes())?;
    let mut heard = Vec::new();
    stream.take(MAX_ANSWER + 1).read_to_end(&mut heard)?;
    if heard.len() as u64 > MAX_ANSWER {
        return Err(io::Error::other(format!("an answer of more than {MAX_ANSWER} octets")));
    }
    read(&heard).ok_or_else(|| io::Error::other("not an HTTP answer"))
}

fn request(method: &str, path: &str, body: Option<&Value>) -> String {
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         \r\n{body}"
    )
}

/// Status line, header, body.
fn read(heard: &[u8]) -> Option<Answer> {
    let end = heard.windows(4).position(|four| four == b"\r\n\r\n")?;
    let first = heard.split(|octet| *octet == b'\r').next()?;
    let first = std::str::from_utf8(first).ok()?;
    let status = first.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: heard.get(end + 4..)?.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers() {
        let heard = b"HTTP/1.0 404 Not Found\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(read(heard), Some(Answer { status: 404, body: b"{}".to_vec() }));
        for bad in [&b""[..], b"HTTP/1.0 200 OK\r\n", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 x\r\n\r\n"] {
            assert_eq!(read(bad), None);
        }
    }

    #[test]
    fn requests() {
        assert_eq!(
            request("POST", "/v1/x", Some(&serde_json::json!({ "id": "a\r\nb" }))),
            "POST /v1/x HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n\
             {\"id\":\"a\\r\\nb\"}"
        );
    }

    proptest! {
        #[test]
        fn never_panics(heard in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = read(&heard);
            let _ = read(&[&b"HTTP/1.1 200"[..], &heard, b"\r\n\r\n"].concat());
        }
    }
}
