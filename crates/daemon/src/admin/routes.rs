//! Routes that daemons register: a method, a path with `{NAME}` parts, what they get and may answer.
//!
//! Matching is by whole segments, percent-decoded (RFC 3986 §2.1). Nothing here touches a socket.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

pub use hyper::{Method, StatusCode};
use serde_json::Value;

use crate::stream::Peer;

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
pub(super) type Handler = Arc<dyn Fn(Request) -> Boxed + Send + Sync>;

struct Route {
    method: Method,
    path: &'static str,
    handler: Handler,
}

/// All registered routes, in the order of their registration; the first that fits answers.
#[derive(Default)]
pub(super) struct Routes(RwLock<Vec<Route>>);

/// What a path led to.
pub(super) enum Found {
    Handler(Handler, BTreeMap<String, String>),
    OtherMethod,
    Nothing,
}

impl Routes {
    pub(super) fn add<F, Fut>(&self, method: Method, path: &'static str, handler: F)
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |request| Box::pin(handler(request)));
        let mut routes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        routes.push(Route { method, path, handler });
    }

    pub(super) fn find(&self, method: &Method, path: &str) -> Found {
        let routes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut other_method = false;
        for route in routes.iter() {
            if let Some(parts) = match_path(route.path, path) {
                if route.method == *method {
                    return Found::Handler(Arc::clone(&route.handler), parts);
                }
                other_method = true;
            }
        }
        if other_method { Found::OtherMethod } else { Found::Nothing }
    }
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

/// `a=1&b=2`, decoded; what isn't decodable is left out.
pub(super) fn read_query(query: &str) -> BTreeMap<String, String> {
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
