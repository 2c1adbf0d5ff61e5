//! `/v1/debug`: more lines for a while, without a restart and without touching the configuration.
//!
//! It ends by itself, and with a reload: nobody forgets a daemon at trace.

use std::time::Duration;

use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use super::Log;
use super::level::{Debug, Levels};
use crate::admin::{Admin, Answer, Method, Refusal, Request};
use crate::config::{parse_duration, print_duration};
use crate::time::{now_millis, rfc3339};

/// How long it lasts where nothing else is said.
const USUAL: Duration = Duration::from_secs(600);
/// How long it may last.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// The length of a target's name.
const MAX_TARGET: usize = 64;

impl Log {
    /// Registers the route, and the count of lost lines.
    pub(crate) fn routes(&self, admin: &Admin) {
        let (log, writer) = (self.clone(), self.writer.clone());
        admin.lost_lines(move || writer.lost());
        admin.route(Method::GET, "/v1/debug", move |_| {
            let answer = state(&log.levels);
            async move { Ok(answer) }
        });
        let log = self.clone();
        admin.route(Method::POST, "/v1/debug", move |request| {
            let answer = switch(&log.levels, &request);
            async move { answer }
        });
    }
}

fn state(levels: &Levels) -> Value {
    let (configured, debug) = levels.now();
    let left = debug.as_ref().map(|debug| {
        let left = debug.until.saturating_sub(now_millis());
        print_duration(Duration::from_secs(left.div_ceil(1000)))
    });
    json!({
        "on": debug.is_some(),
        "configured": configured.to_string(),
        "level": debug.as_ref().map(|debug| debug.level.to_string()),
        "target": debug.as_ref().and_then(|debug| debug.target.clone()),
        "until": debug.as_ref().map(|debug| rfc3339(debug.until)),
        "for": left,
    })
}

fn switch(levels: &Levels, request: &Request) -> Answer {
    let wanted = read(&request.body).map_err(Refusal::bad_request)?;
    let by = &request.peer;
    let Some((debug, time)) = wanted else {
        levels.switch(None);
        tracing::info!(by = %by, "debug off");
        return Ok(state(levels));
    };
    let (level, target) = (debug.level, debug.target.clone());
    let change = levels.switch(Some(debug));
    tracing::info!(by = %by, %level, target, "debug on for {}", print_duration(time));
    let levels_then = levels.clone();
    tokio::spawn(async move {
        tokio::time::sleep(time).await;
        if levels_then.end(change) {
            tracing::info!("debug off: its time is over");
        }
    });
    Ok(state(levels))
}

/// Reads `{"on": true, "for": "10m", "level": "debug", "target": "auth"}`.
fn read(body: &Value) -> Result<Option<(Debug, Duration)>, String> {
    let on = body.get("on").and_then(Value::as_bool);
    let on = on.ok_or("want {\"on\": true or false, \"for\": \"10m\"}")?;
    if !on {
        return Ok(None);
    }
    let text = |key: &str| body.get(key).filter(|value| !value.is_null());
    let time = match text("for") {
        None => USUAL,
        Some(value) => value.as_str().and_then(parse_duration).ok_or("`for` is no duration")?,
    };
    if time.is_zero() || time > LONGEST {
        return Err(format!("`for` must be between 1ms and {}", print_duration(LONGEST)));
    }
    let level = match text("level").map(|value| value.as_str().unwrap_or_default()) {
        None | Some("debug") => LevelFilter::DEBUG,
        Some("trace") => LevelFilter::TRACE,
        Some(_) => return Err("`level` is debug or trace".to_owned()),
    };
    let target = text("target").map(|value| value.as_str().unwrap_or_default().to_owned());
    let is_word = |word: &String| {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        !word.is_empty() && word.len() <= MAX_TARGET && word.chars().all(good)
    };
    if target.as_ref().is_some_and(|word| !is_word(word)) {
        return Err("`target` is a module's name: auth, session".to_owned());
    }
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let until = now_millis().saturating_add(millis);
    Ok(Some((Debug { level, target, until }, time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let (debug, time) = read(&json!({ "on": true })).unwrap().unwrap();
        assert_eq!((debug.level, time), (LevelFilter::DEBUG, USUAL));
        let body = json!({ "on": true, "for": "2h", "level": "trace", "target": "auth" });
        let (debug, time) = read(&body).unwrap().unwrap();
        assert_eq!((debug.level, time), (LevelFilter::TRACE, Duration::from_secs(7200)));
        assert_eq!(debug.target.as_deref(), Some("auth"));
        assert_eq!(read(&json!({ "on": false })).unwrap(), None);
        for bad in [
            json!(null),
            json!({ "on": "yes" }),
            json!({ "on": true, "for": "25h" }),
            json!({ "on": true, "for": "0s" }),
            json!({ "on": true, "for": 10 }),
            json!({ "on": true, "level": "loud" }),
            json!({ "on": true, "target": "a b" }),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }
}
