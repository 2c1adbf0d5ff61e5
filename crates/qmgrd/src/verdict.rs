//! What a next hop's answer means for a recipient, in the words of logs and reports.
//!
//! Pure. relayd passes on what remote servers say in Postfix's form,
//! `host NAME[ADDR] said: REPLY (in reply to CMD)`; from it come a report's Remote-MTA and
//! Diagnostic-Code (RFC 3464 §2.3.5, §2.3.6). Others' replies are put into that form here.

use lmtp_client::{HopError, Outcome};
use smtp::{Class, Reply};
use spool::Verdict;

use crate::schedule::Feedback;

/// What a try came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Result {
    /// Taken by the next hop.
    Sent,
    /// Not yet.
    Deferred,
    /// Never.
    Failed,
}

/// One recipient's try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) result: Result,
    pub(crate) verdict: Verdict,
    /// What it says of the destination.
    pub(crate) feedback: Feedback,
}

/// The next hop as it is spoken to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer<'a> {
    /// `NAME[PATH]`
    pub(crate) relay: &'a str,
    /// It is a relayd, whose texts tell of a remote server or speak for themselves.
    pub(crate) relays: bool,
}

/// Which command a reply answers, in Postfix's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Mail,
    Rcpt,
    Data,
    End,
}

impl Step {
    fn words(self) -> &'static str {
        match self {
            Self::Mail => "MAIL FROM command",
            Self::Rcpt => "RCPT TO command",
            Self::Data => "DATA command",
            Self::End => "end of DATA command",
        }
    }
}

/// The text of a report's Diagnostic-Code that is not a remote server's reply.
const OWN_DIAGNOSTIC: &str = "X-Dovetail";

/// A reply's meaning.
pub(crate) fn of_reply(reply: &Reply, step: Step, peer: Peer<'_>) -> Attempt {
    let status = reply.status();
    let dsn = status.to_string();
    let said = reply.to_string();
    if reply.is_positive() {
        let verdict = Verdict::new(&dsn, &said, peer.relay);
        return Attempt { result: Result::Sent, verdict, feedback: Feedback::Good };
    }
    let text = reply.text();
    let verdict = if let Some(passed) = Passed::parse(&text) {
        let relay = format!("{}[{}]", passed.name, passed.address);
        let diagnostic = format!("smtp; {}", passed.reply);
        Verdict::new(&dsn, &text, &relay).from_remote(Some(passed.name), Some(&diagnostic))
    } else if peer.relays {
        let diagnostic = format!("{OWN_DIAGNOSTIC}; {text}");
        Verdict::new(&dsn, &text, peer.relay).from_remote(None, Some(&diagnostic))
    } else {
        let name = peer.relay.split('[').next().unwrap_or_default();
        let words = format!("host {} said: {said} (in reply to {})", peer.relay, step.words());
        let diagnostic = format!("smtp; {said}");
        Verdict::new(&dsn, &words, peer.relay).from_remote(Some(name), Some(&diagnostic))
    };
    let result = if status.class == Class::Permanent { Result::Failed } else { Result::Deferred };
    // RFC 3463 §3.5: X.4.X is about the network, not about this recipient.
    let down = peer.relays && result == Result::Deferred && status.subject == 4;
    let feedback = if down { Feedback::DestinationDown(text) } else { Feedback::Good };
    Attempt { result, verdict, feedback }
}

/// The meaning of a hop that could not be opened, or was lost before the content was over.
pub(crate) fn of_error(error: &HopError, step: Step, peer: Peer<'_>) -> Attempt {
    match error {
        HopError::Away(why) => failing("4.4.1", why, "none", Feedback::RouteDown(why.clone())),
        HopError::Busy(_) => failing("4.3.2", &error.to_string(), "none", Feedback::Unknown),
        HopError::Lost(why) => failing("4.4.2", why, peer.relay, Feedback::RouteBroke(why.clone())),
        // It takes nothing at all now: whatever it says, that is no verdict on this message.
        HopError::Unwilling(_, reply) => {
            let status = reply.status();
            let dsn = format!("4.{}.{}", status.subject, status.detail);
            let why = error.to_string();
            failing(&dsn, &why, peer.relay, Feedback::RouteDown(why.clone()))
        }
        HopError::Refused(reply) => of_reply(reply, step, peer),
        HopError::NeedsSmtpUtf8 => of_reply(&error.as_reply(), step, Peer { relays: true, ..peer }),
    }
}

/// The meaning of what came after the content.
pub(crate) fn of_outcome(outcome: &Outcome, step: Step, peer: Peer<'_>) -> Attempt {
    match outcome {
        Outcome::Reply(reply) => of_reply(reply, step, peer),
        Outcome::Lost(why) => failing("4.4.2", why, peer.relay, Feedback::RouteBroke(why.clone())),
        Outcome::Unknown(why) => {
            let text = format!("{why} -- message may be sent more than once");
            failing("4.4.2", &text, peer.relay, Feedback::RouteBroke(text.clone()))
        }
    }
}

/// A try that failed on this side.
pub(crate) fn failing(dsn: &str, text: &str, relay: &str, feedback: Feedback) -> Attempt {
    let diagnostic = format!("{OWN_DIAGNOSTIC}; {text}");
    let verdict = Verdict::new(dsn, text, relay).from_remote(None, Some(&diagnostic));
    Attempt { result: Result::Deferred, verdict, feedback }
}

/// What a delivery says of its destination: that of the recipient who says the best of it.
pub(crate) fn feedback<'a>(attempts: impl Iterator<Item = &'a Attempt>) -> Feedback {
    let rank = |feedback: &Feedback| match feedback {
        Feedback::Good => 0,
        Feedback::Unknown => 1,
        Feedback::DestinationDown(_) => 2,
        Feedback::RouteBroke(_) => 3,
        Feedback::RouteDown(_) => 4,
    };
    attempts
        .map(|attempt| &attempt.feedback)
        .min_by_key(|f| rank(f))
        .cloned()
        .unwrap_or(Feedback::Unknown)
}

/// `host NAME[ADDR] said: REPLY (in reply to CMD)`, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Passed<'a> {
    name: &'a str,
    address: &'a str,
    reply: &'a str,
}

impl<'a> Passed<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix("host ")?;
        let (name, rest) = rest.split_once('[')?;
        let (address, rest) = rest.split_once("] said: ")?;
        let reply = match rest.rsplit_once(" (in reply to ") {
            Some((reply, _)) => reply,
            None => rest,
        };
        let fine = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
        (fine(name) && fine(address)).then_some(Self { name, address, reply })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: Peer<'_> = Peer { relay: "mx.test[/run/l]", relays: false };
    const RELAY: Peer<'_> = Peer { relay: "mx.test[/run/r]", relays: true };

    fn shown(attempt: &Attempt) -> String {
        let json = serde_json::to_value(&attempt.verdict).expect("json");
        let text = |key: &str| json.get(key).and_then(|v| v.as_str()).unwrap_or("-").to_owned();
        format!(
            "{:?} {} {} | {} | {} | {}",
            attempt.result,
            text("dsn"),
            text("text"),
            text("relay"),
            text("remote"),
            text("diagnostic")
        )
    }

    #[test]
    fn a_local_servers_reply_gets_its_name() {
        let sent = of_reply(&Reply::new(250, 0, 0, "<a@b.test> saved"), Step::End, LOCAL);
        assert_eq!(shown(&sent), "Sent 2.0.0 250 2.0.0 <a@b.test> saved | mx.test[/run/l] | - | -");
        let full = of_reply(&Reply::new(552, 2, 2, "over quota"), Step::End, LOCAL);
        assert_eq!(
            shown(&full),
            "Failed 5.2.2 host mx.test[/run/l] said: 552 5.2.2 over quota (in reply to end of DATA \
             command) | mx.test[/run/l] | mx.test | smtp; 552 5.2.2 over quota"
        );
        let plain = of_reply(&Reply::bare(450, "busy"), Step::Rcpt, LOCAL);
        assert_eq!((plain.result, plain.verdict.dsn.as_str()), (Result::Deferred, "4.0.0"));
        assert_eq!(plain.feedback, Feedback::Good);
    }

    #[test]
    fn what_relayd_passes_on_is_read() {
        let text =
            "host mx.far.test[192.0.2.1] said: 550-5.1.1 no 550 such (in reply to RCPT TO command)";
        let reply = of_reply(&Reply::new(550, 1, 1, text), Step::Rcpt, RELAY);
        assert_eq!(
            shown(&reply),
            format!(
                "Failed 5.1.1 {text} | mx.far.test[192.0.2.1] | mx.far.test | smtp; 550-5.1.1 no 550 such"
            )
        );
        let away = "connect to mx.far.test[192.0.2.1]:25: Connection refused";
        let reply = of_reply(&Reply::new(451, 4, 1, away), Step::Rcpt, RELAY);
        assert_eq!(
            shown(&reply),
            format!("Deferred 4.4.1 {away} | mx.test[/run/r] | - | X-Dovetail; {away}")
        );
        assert_eq!(reply.feedback, Feedback::DestinationDown(away.to_owned()));
    }

    #[test]
    fn no_reply_is_for_now() {
        let away = HopError::Away("connect to /run/l: No such file or directory".into());
        let attempt = of_error(&away, Step::Mail, LOCAL);
        assert_eq!((attempt.result, attempt.verdict.dsn.as_str()), (Result::Deferred, "4.4.1"));
        assert!(matches!(attempt.feedback, Feedback::RouteDown(_)));
        let unwilling = HopError::Unwilling("/run/l".into(), Reply::new(554, 3, 2, "no"));
        let attempt = of_error(&unwilling, Step::Mail, LOCAL);
        assert_eq!((attempt.result, attempt.verdict.dsn.as_str()), (Result::Deferred, "4.3.2"));
        let unknown = Outcome::Unknown("lost connection with /run/l".into());
        let attempt = of_outcome(&unknown, Step::End, LOCAL);
        assert!(attempt.verdict.text.ends_with("-- message may be sent more than once"));
        let utf8 = of_error(&HopError::NeedsSmtpUtf8, Step::Mail, LOCAL);
        assert_eq!((utf8.result, utf8.verdict.dsn.as_str()), (Result::Failed, "5.6.7"));
    }

    #[test]
    fn other_texts_are_no_passed_reply() {
        for text in ["host x said: no", "host a b[c] said: x", "hello", "host [x] said: y"] {
            assert_eq!(Passed::parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_passed_on_is_found_again_and_nothing_panics(
            text in "\\PC{0,80}|host [a-z.\\[\\]: ()]{0,60}",
            name in "[a-z0-9.-]{1,20}",
            reply in "[0-9a-zA-Z .<>()@-]{1,40}",
        ) {
            let _ = Passed::parse(&text);
            let said = format!("host {name}[192.0.2.1] said: {reply} (in reply to DATA command)");
            let passed = Passed::parse(&said).map(|passed| (passed.name, passed.address, passed.reply));
            proptest::prop_assert_eq!(passed, Some((&*name, "192.0.2.1", &*reply)));
        }
    }
}
