//! What a daemon decides in a session.

use std::future::Future;

use daemon::tls::TlsInfo;
use smtp::server::{AuthAnswer, Hello};
use smtp::{Mail, Rcpt, Reply, XForward};

/// One connection's decisions. A positive reply accepts; any other refuses.
///
/// After [`Handler::abort`] the transaction is forgotten, and so it is after [`Handler::finish`], and
/// after a refusal by [`Handler::begin_data`]. Methods bound their own time: nothing else is done on
/// the connection meanwhile.
pub trait Handler: Send {
    /// A client has connected. The reply of an `Err` is said in the greeting's place, and the
    /// connection closed.
    fn greet(&mut self) -> impl Future<Output = Result<(), Reply>> + Send {
        async { Ok(()) }
    }

    /// TLS is on; everything that was said before is void.
    fn tls_started(&mut self, _info: &TlsInfo) {}

    /// HELO, EHLO, LHLO.
    fn hello(&mut self, _hello: &Hello) -> impl Future<Output = Result<(), Reply>> + Send {
        async { Ok(()) }
    }

    /// XFORWARD, with all that was said by it so far for the next transaction. Behind that
    /// transaction's end it comes once more, with nothing in it: one message's client is not the next's.
    fn xforward(&mut self, _client: &XForward) {}

    /// AUTH with one of the offered mechanisms, in upper case.
    fn auth(
        &mut self,
        _mechanism: &str,
        _initial: Option<Vec<u8>>,
    ) -> impl Future<Output = AuthAnswer> + Send {
        async { AuthAnswer::Refused(Reply::new(503, 5, 1, "Error: authentication not enabled")) }
    }

    /// The response to a challenge.
    fn auth_continue(&mut self, _response: Vec<u8>) -> impl Future<Output = AuthAnswer> + Send {
        async { AuthAnswer::Refused(Reply::new(503, 5, 1, "Error: authentication not enabled")) }
    }

    /// The client gave its login up.
    fn auth_cancelled(&mut self) {}

    /// The sender.
    fn mail(&mut self, mail: &Mail) -> impl Future<Output = Reply> + Send;

    /// A recipient.
    fn rcpt(&mut self, rcpt: &Rcpt) -> impl Future<Output = Reply> + Send;

    /// Content is about to come. At least one recipient was taken.
    fn begin_data(&mut self) -> impl Future<Output = Result<(), Reply>> + Send {
        async { Ok(()) }
    }

    /// A piece of the content: lines end in CRLF, dots are off. What goes wrong here is said by
    /// [`Handler::finish`].
    fn chunk(&mut self, octets: &[u8]) -> impl Future<Output = ()> + Send;

    /// The verdict: one reply in SMTP, in LMTP one a recipient that was taken, in order.
    fn finish(&mut self) -> impl Future<Output = Vec<Reply>> + Send;

    /// The transaction ends without a message: RSET, EHLO, too large, connection lost.
    fn abort(&mut self) -> impl Future<Output = ()> + Send;

    /// VRFY. The default says neither yes nor no (RFC 5321 §7.3).
    fn vrfy(&mut self, _argument: &str) -> impl Future<Output = Reply> + Send {
        async {
            Reply::new(252, 0, 0, "Cannot VRFY user, but will take mail and try to deliver it")
        }
    }
}
