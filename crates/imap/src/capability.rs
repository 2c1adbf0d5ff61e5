//! What CAPABILITY announces in each state (RFC 3501 §6.1.1, §7.2.1).
//!
//! The order is Dovecot's. Only what the daemon says it can do is in the list after login.

/// What is to be known for the list before login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeforeLogin<'a> {
    /// Whether STARTTLS can be given: there is a certificate, and TLS is not on yet.
    pub starttls: bool,
    /// Whether passwords may be sent in clear over this connection.
    pub plaintext: bool,
    /// SASL mechanisms, in upper case.
    pub mechanisms: &'a [String],
}

/// Those whose exchange shows the password to whoever listens.
const PLAINTEXT: [&str; 2] = ["PLAIN", "LOGIN"];

impl BeforeLogin<'_> {
    /// `IMAP4rev1 SASL-IR ID ENABLE IDLE LITERAL+ STARTTLS AUTH=PLAIN AUTH=LOGIN`, or with
    /// LOGINDISABLED where LOGIN and the mechanisms like it must wait for TLS
    /// (RFC 3501 §6.2.3, §11.1).
    #[must_use]
    pub fn list(&self) -> String {
        let mut list = String::from("IMAP4rev1 SASL-IR ID ENABLE IDLE LITERAL+");
        if self.starttls {
            list.push_str(" STARTTLS");
        }
        if !self.plaintext {
            list.push_str(" LOGINDISABLED");
        }
        for mechanism in self.mechanisms.iter().filter(|name| self.allows(name)) {
            list.push_str(" AUTH=");
            list.push_str(mechanism);
        }
        list
    }

    /// Whether AUTHENTICATE with this mechanism may be tried now.
    #[must_use]
    pub fn allows(&self, mechanism: &str) -> bool {
        self.plaintext || !PLAINTEXT.contains(&mechanism)
    }
}

/// What this grammar can read and write beyond IMAP4rev1, in the order in which Dovecot lists it.
pub const AFTER_LOGIN: [&str; 15] = [
    "IMAP4rev1",
    "SASL-IR",
    "ID",
    "ENABLE",
    "IDLE",
    "UNSELECT",
    "CHILDREN",
    "NAMESPACE",
    "UIDPLUS",
    "LIST-EXTENDED",
    "ESEARCH",
    "LIST-STATUS",
    "MOVE",
    "LITERAL+",
    "SPECIAL-USE",
];

/// The list after login: all of [`AFTER_LOGIN`] but those in `without`.
#[must_use]
pub fn after_login(without: &[&str]) -> String {
    let wanted: Vec<&str> =
        AFTER_LOGIN.into_iter().filter(|name| !without.contains(name)).collect();
    wanted.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_recorded_but_for_referrals() {
        let mechanisms = ["PLAIN".to_owned(), "LOGIN".to_owned(), "SCRAM-SHA-256".to_owned()];
        let mut before = BeforeLogin { starttls: true, plaintext: true, mechanisms: &mechanisms };
        assert_eq!(
            before.list(),
            "IMAP4rev1 SASL-IR ID ENABLE IDLE LITERAL+ STARTTLS AUTH=PLAIN AUTH=LOGIN \
             AUTH=SCRAM-SHA-256"
        );
        before.plaintext = false;
        assert_eq!(
            before.list(),
            "IMAP4rev1 SASL-IR ID ENABLE IDLE LITERAL+ STARTTLS LOGINDISABLED AUTH=SCRAM-SHA-256"
        );
        assert!(!before.allows("PLAIN") && before.allows("SCRAM-SHA-256"));
        assert!(!after_login(&["ESEARCH"]).contains("ESEARCH"));
    }
}
