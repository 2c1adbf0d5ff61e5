//! Which command may come when: one table, and the reply where it may not.
//!
//! Worded as Postfix does. Nothing else decides about order, so that a test can walk every cell.

use crate::reply::Reply;
use crate::server::command::Verb;

/// How far a session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// No HELO yet.
    Fresh,
    /// Said hello; no transaction.
    Idle,
    /// MAIL was taken, no recipient yet.
    Mail,
    /// At least one recipient was taken.
    Rcpt,
    /// Chunks have begun to come (RFC 3030 §2).
    Bdat,
}

impl Stage {
    /// All of them, for tests that walk every cell.
    pub const ALL: [Self; 5] = [Self::Fresh, Self::Idle, Self::Mail, Self::Rcpt, Self::Bdat];

    /// Whether a transaction is open.
    #[must_use]
    pub fn in_transaction(self) -> bool {
        matches!(self, Self::Mail | Self::Rcpt | Self::Bdat)
    }
}

/// What else an order depends on.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// HELO must come first.
    pub require_hello: bool,
    /// TLS is on.
    pub tls: bool,
    /// TLS is demanded.
    pub require_tls: bool,
    /// STARTTLS is offered or TLS is on.
    pub has_starttls: bool,
    /// AUTH is offered now.
    pub offers_auth: bool,
    /// Somebody has logged in.
    pub logged_in: bool,
    /// A login is demanded.
    pub require_auth: bool,
    /// XFORWARD is taken.
    pub xforward: bool,
    /// The protocol is LMTP.
    pub lmtp: bool,
}

/// `Ok` where the command may come.
///
/// # Errors
/// The reply that it gets instead.
pub fn check(stage: Stage, verb: Verb, now: Circumstances) -> Result<(), Reply> {
    use Stage::{Bdat, Fresh, Idle, Mail, Rcpt};
    let free = matches!(
        verb,
        Verb::Ehlo | Verb::Helo | Verb::Lhlo | Verb::Noop | Verb::Quit | Verb::StartTls
    );
    if now.require_tls && !now.tls && !free {
        return Err(Reply::new(530, 7, 0, "Must issue a STARTTLS command first"));
    }
    let bad = |text: &str| Err(Reply::new(503, 5, 1, format!("Error: {text}")));
    match (stage, verb) {
        (Fresh, Verb::Mail | Verb::Auth | Verb::XForward) if now.require_hello => {
            bad(if now.lmtp { "send LHLO first" } else { "send HELO/EHLO first" })
        }
        (Mail | Rcpt | Bdat, Verb::Mail) => bad("nested MAIL command"),
        (Fresh | Idle, Verb::Mail) if now.require_auth && !now.logged_in => {
            Err(Reply::new(530, 7, 0, "Authentication required"))
        }
        (Fresh | Idle, Verb::Rcpt) => bad("need MAIL command"),
        (Fresh | Idle, Verb::Data | Verb::Bdat) => bad("need RCPT command"),
        // RFC 2033 §4.2 wants 503 in LMTP; in SMTP either may be (RFC 5321 §3.3), and Postfix says 554.
        (Mail, Verb::Data | Verb::Bdat) if now.lmtp => bad("no valid recipients"),
        (Mail, Verb::Data | Verb::Bdat) => Err(Reply::new(554, 5, 1, "Error: no valid recipients")),
        // RFC 3030 §2: DATA and RCPT can't follow BDAT in one transaction.
        (Bdat, Verb::Rcpt) => bad("RCPT after BDAT"),
        (Bdat, Verb::Data) => bad("DATA after BDAT"),
        (Mail | Rcpt | Bdat, Verb::XForward) => bad("MAIL transaction in progress"),
        (_, Verb::XForward) if !now.xforward => {
            Err(Reply::new(550, 7, 0, "Error: insufficient authorization"))
        }
        (Mail | Rcpt | Bdat, Verb::Auth) => bad("MAIL transaction in progress"),
        (_, Verb::Auth) if now.logged_in => bad("already authenticated"),
        (_, Verb::Auth) if !now.offers_auth => bad("authentication not enabled"),
        (_, Verb::StartTls) if now.tls => Err(Reply::new(554, 5, 1, "Error: TLS already active")),
        (_, Verb::StartTls) if !now.has_starttls => {
            Err(Reply::new(502, 5, 1, "Error: command not implemented"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Circumstances = Circumstances {
        require_hello: true,
        tls: false,
        require_tls: false,
        has_starttls: false,
        offers_auth: false,
        logged_in: false,
        require_auth: false,
        xforward: true,
        lmtp: false,
    };

    /// Every cell: `.` may come, a digit is the reply of `REPLIES`.
    #[test]
    fn every_cell() {
        const REPLIES: [&str; 9] = [
            "503 5.5.1 Error: send HELO/EHLO first",
            "503 5.5.1 Error: nested MAIL command",
            "503 5.5.1 Error: need MAIL command",
            "503 5.5.1 Error: need RCPT command",
            "503 5.5.1 Error: RCPT after BDAT",
            "503 5.5.1 Error: DATA after BDAT",
            "503 5.5.1 Error: MAIL transaction in progress",
            "502 5.5.1 Error: command not implemented",
            "554 5.5.1 Error: no valid recipients",
        ];
        //            HELO EHLO LHLO MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT AUTH TLS XFWD
        let table = [
            (Stage::Fresh, ". . . 0 2 3 3 . . . . 0 7 0"),
            (Stage::Idle, ". . . . 2 3 3 . . . . a 7 ."),
            (Stage::Mail, ". . . 1 . 8 8 . . . . 6 7 6"),
            (Stage::Rcpt, ". . . 1 . . . . . . . 6 7 6"),
            (Stage::Bdat, ". . . 1 4 5 . . . . . 6 7 6"),
        ];
        for (stage, cells) in table {
            for (verb, cell) in Verb::ALL.into_iter().zip(cells.split(' ')) {
                let said = check(stage, verb, PLAIN).map_err(|reply| reply.to_string());
                let wanted = match cell {
                    "." => Ok(()),
                    "a" => Err("503 5.5.1 Error: authentication not enabled".to_owned()),
                    digit => Err(REPLIES[digit.parse::<usize>().expect("a digit")].to_owned()),
                };
                assert_eq!(said, wanted, "{verb:?} in {stage:?}");
            }
        }
    }

    #[test]
    fn before_tls_only_what_leads_to_it() {
        let now =
            Circumstances { require_tls: true, has_starttls: true, offers_auth: true, ..PLAIN };
        for verb in Verb::ALL {
            let free = check(Stage::Idle, verb, now).is_ok();
            let may = [Verb::Helo, Verb::Ehlo, Verb::Lhlo, Verb::Noop, Verb::Quit, Verb::StartTls];
            assert_eq!(free, may.contains(&verb), "{verb:?}");
        }
        let on = Circumstances { tls: true, ..now };
        assert!(check(Stage::Idle, Verb::Mail, on).is_ok());
        let said = check(Stage::Idle, Verb::StartTls, on).map_err(|r| r.to_string());
        assert_eq!(said, Err("554 5.5.1 Error: TLS already active".into()));
        let login = Circumstances { require_auth: true, ..on };
        assert!(check(Stage::Idle, Verb::Mail, login).is_err());
        assert!(check(Stage::Idle, Verb::Mail, Circumstances { logged_in: true, ..login }).is_ok());
    }
}
