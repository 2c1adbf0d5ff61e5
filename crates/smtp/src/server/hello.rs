//! HELO, EHLO, LHLO and the list of what is offered (RFC 5321 §4.1.1.1).

use crate::Protocol;
use crate::reply::Reply;
use crate::server::command::Verb;
use crate::server::order::Stage;
use crate::server::{Action, Hello, Question, Session};
use crate::xforward;

/// RFC 5321 §4.5.3.1.2.
const MAX_HELLO: usize = 255;

impl Session {
    pub(super) fn hello(&mut self, verb: Verb, argument: &str) -> Option<Action> {
        let (name, _) = crate::server::command::split(argument);
        if name.is_empty() || name.len() > MAX_HELLO {
            let form = match verb {
                Verb::Helo => "HELO hostname",
                Verb::Lhlo => "LHLO hostname",
                _ => "EHLO hostname",
            };
            // RFC 2034 §4: no reply to a hello has an enhanced status.
            self.say(&Reply::bare(501, format!("Syntax: {form}")));
            return None;
        }
        let hello = Hello { verb, name: name.to_owned() };
        self.hello = Some(hello.clone());
        Some(self.ask(Question::Hello(hello)))
    }

    /// Whether the client's hello is taken. A transaction that was open is gone then
    /// (RFC 5321 §4.1.4).
    pub fn answer_hello(&mut self, answer: Result<(), Reply>) {
        self.resume();
        if let Err(reply) = answer {
            self.hello = None;
            self.say(&reply);
            return;
        }
        self.abort();
        self.stage = Stage::Idle;
        let verb = self.hello.as_ref().map(|hello| hello.verb);
        let reply = match verb {
            Some(Verb::Helo) | None => Reply::bare(250, self.options.hostname.clone()),
            Some(_) => Reply::list(250, self.offers()),
        };
        self.output.extend_from_slice(&reply.to_wire());
    }

    fn offers(&self) -> Vec<String> {
        let options = &self.options;
        let mut lines = vec![options.hostname.clone(), "PIPELINING".to_owned()];
        match options.limits.size {
            0 => lines.push("SIZE".to_owned()),
            size => lines.push(format!("SIZE {size}")),
        }
        if options.protocol == Protocol::Smtp {
            lines.push("VRFY".to_owned());
        }
        if options.starttls && !options.tls {
            lines.push("STARTTLS".to_owned());
        }
        if self.offers_auth() && !self.logged_in {
            lines.push(format!("AUTH {}", options.auth.join(" ")));
        }
        if options.xforward {
            lines.push(format!("XFORWARD {}", xforward::NAMES.join(" ")));
        }
        lines.extend(options.extensions.iter().cloned());
        lines.extend(
            ["ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING"].map(str::to_owned),
        );
        lines
    }
}
