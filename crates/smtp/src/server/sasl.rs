//! AUTH (RFC 4954): framing and base64 only; mechanisms and passwords are the daemon's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::reply::Reply;
use crate::server::command;
use crate::server::handle::Framed;
use crate::server::{Action, AuthAnswer, Mode, Question, Session};

impl Session {
    pub(super) fn auth(&mut self, argument: &str) -> Option<Action> {
        let (mechanism, initial) = command::split(argument);
        let mechanism = mechanism.to_ascii_uppercase();
        if mechanism.is_empty() || initial.contains(' ') {
            return self.syntax("AUTH mechanism");
        }
        if !self.options.auth.contains(&mechanism) {
            self.say(&failed("Invalid authentication mechanism"));
            return None;
        }
        let initial = match initial {
            "" => None,
            // RFC 4954 §4: an empty initial response is said by "=".
            "=" => Some(Vec::new()),
            text => match STANDARD.decode(text) {
                Ok(octets) => Some(octets),
                Err(_) => {
                    self.say(&failed("Invalid base64 data in initial response"));
                    return None;
                }
            },
        };
        Some(self.ask(Question::Auth { mechanism, initial }))
    }

    pub(super) fn auth_line(&mut self) -> Option<Action> {
        let line = match self.frame(self.options.limits.auth_line) {
            Framed::Line(line) => line,
            Framed::TooLong => {
                let skipping = matches!(self.mode, Mode::SkipLine);
                self.say(&Reply::new(500, 5, 6, "SASL response limit exceeded"));
                if !skipping {
                    self.resume();
                }
                return Some(Action::AuthCancelled);
            }
            Framed::Wanting => return Some(Action::Read),
        };
        // RFC 4954 §4: the client gives up.
        if line == b"*" {
            self.resume();
            self.say(&Reply::new(501, 7, 0, "Authentication aborted"));
            return Some(Action::AuthCancelled);
        }
        match STANDARD.decode(&line) {
            Ok(octets) => Some(self.ask(Question::AuthResponse(octets))),
            Err(_) => {
                self.resume();
                self.say(&failed("Invalid base64 data in continued response"));
                Some(Action::AuthCancelled)
            }
        }
    }

    /// The daemon's word on a login or a step of it.
    pub fn answer_auth(&mut self, answer: AuthAnswer) {
        self.resume();
        match answer {
            AuthAnswer::Challenge(octets) => {
                let text = STANDARD.encode(octets);
                // Longer than a reply line may be, so not through Reply.
                self.output.extend_from_slice(format!("334 {text}\r\n").as_bytes());
                if matches!(self.mode, Mode::Command) {
                    self.mode = Mode::AuthLine;
                }
            }
            AuthAnswer::Accepted => {
                self.logged_in = true;
                self.say(&Reply::new(235, 7, 0, "Authentication successful"));
            }
            AuthAnswer::Refused(reply) => self.say(&reply),
        }
    }
}

/// Postfix's words; RFC 4954 §4 has 504 and 501 for these, and clients look at the first digit.
fn failed(why: &str) -> Reply {
    Reply::new(535, 7, 8, format!("Error: authentication failed: {why}"))
}
