//! How a remote server's words are passed back: as Postfix words them, so that qmgrd (and people) find
//! the server's name, its reply and the command in it.

use std::fmt;
use std::net::IpAddr;

use smtp::Reply;

/// The mail server that is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// Its name, as the DNS or the route has it.
    pub(crate) name: String,
    /// The address that was connected to.
    pub(crate) address: IpAddr,
    /// The port there.
    pub(crate) port: u16,
}

/// `NAME[ADDR]`
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.name, self.address)
    }
}

/// `CODE DSN host NAME[ADDR] said: REPLY (in reply to CMD)` for a refusal; an acceptance as it is.
pub(crate) fn passed_on(host: &Host, reply: &Reply, command: &str) -> Reply {
    let status = reply.status();
    if reply.is_positive() {
        return Reply::new(250, status.subject, status.detail, reply.text());
    }
    let text = format!("host {host} said: {reply} (in reply to {command})");
    // 421 is about that connection; ours stays.
    let code = if reply.code() == 421 { 451 } else { reply.code() };
    Reply::new(code, status.subject, status.detail, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_postfix_words_it() {
        let host = Host {
            name: "mx.test".into(),
            address: "192.0.2.1".parse().expect("an address"),
            port: 25,
        };
        let said = |reply: Reply| passed_on(&host, &reply, "RCPT TO command").to_string();
        assert_eq!(
            said(Reply::new(550, 1, 1, "no such user")),
            "550 5.1.1 host mx.test[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO command)"
        );
        assert_eq!(
            said(Reply::bare(550, "plain")),
            "550 5.0.0 host mx.test[192.0.2.1] said: 550 plain (in reply to RCPT TO command)"
        );
        assert_eq!(said(Reply::bare(250, "taken")), "250 2.0.0 taken");
        assert!(said(Reply::new(421, 3, 2, "later")).starts_with("451 4.3.2 host"));
    }
}
