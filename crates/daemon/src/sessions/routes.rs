//! Sessions at the admin socket: the list, and how they are ended.

use serde_json::{Value, json};

use super::{Session, Sessions, Who};
use crate::admin::{Admin, Method, Refusal, Request};
use crate::time::rfc3339;

/// Sessions in one piece of the list; the next begins behind the last's number.
const LISTED: usize = 10_000;

impl Sessions {
    /// Registers `GET /v1/sessions?after=ID`, `DELETE /v1/sessions/{id}` and `POST /v1/sessions/kick` with
    /// `{"user": …}` or `{"address": …}`.
    pub(crate) fn show(&self, admin: &Admin) {
        let sessions = self.clone();
        admin.figure("sessions_refused", move || sessions.0.refusals.all());
        let sessions = self.clone();
        admin.route(Method::GET, "/v1/sessions", move |request| {
            let listed = list(&sessions, &request);
            async move { listed }
        });
        let sessions = self.clone();
        admin.route(Method::DELETE, "/v1/sessions/{id}", move |request| {
            let kicked =
                number(request.part("id")).and_then(|id| kick(&sessions, Who::Id(id), &request));
            async move { kicked }
        });
        let sessions = self.clone();
        admin.route(Method::POST, "/v1/sessions/kick", move |request| {
            let kicked = meant(&request.body).and_then(|who| kick(&sessions, who, &request));
            async move { kicked }
        });
    }
}

fn list(sessions: &Sessions, request: &Request) -> Result<Value, Refusal> {
    let after = request.query.get("after").map_or(Ok(0), |text| number(text))?;
    let found = sessions.list(after, LISTED);
    let next = (found.len() == LISTED).then(|| found.last().map(|session| session.id)).flatten();
    let shown: Vec<Value> = found.iter().map(as_json).collect();
    Ok(json!({ "sessions": shown, "next": next }))
}

fn meant(body: &Value) -> Result<Who<'_>, Refusal> {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    match (text("user"), text("address")) {
        (Some(user), None) => Ok(Who::User(user)),
        (None, Some(address)) => {
            let parsed = address.parse().map(Who::Address);
            parsed.map_err(|_| Refusal::bad_request(format!("{address:?} is no address")))
        }
        _ => Err(Refusal::bad_request("want \"user\" or \"address\"")),
    }
}

fn kick(sessions: &Sessions, who: Who<'_>, request: &Request) -> Result<Value, Refusal> {
    let kicked = sessions.kick(who);
    for session in &kicked {
        let (client, user) = (session.client.as_str(), session.user.as_deref());
        let (id, by) = (session.id, request.peer.to_string());
        tracing::info!(client, user, session = id, by, "{} session kicked", session.protocol);
    }
    if kicked.is_empty() {
        return Err(Refusal::not_found("there is no such session"));
    }
    Ok(json!({ "kicked": kicked.iter().map(as_json).collect::<Vec<_>>() }))
}

fn number(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| Refusal::bad_request(format!("{text:?} is no session's number")))
}

fn as_json(session: &Session) -> Value {
    json!({
        "id": session.id,
        "protocol": session.protocol,
        "user": session.user,
        "address": session.client,
        "since": rfc3339(session.since),
        "state": session.state,
    })
}
