//! One client's session: what each command leads to. The protocol itself is `smtp-server`'s.
//!
//! RFC 5321 §4.1 for the commands; docs/architecture.md for who decides what.

mod auth;
mod content;
mod log;
mod recipients;
mod transaction;

use std::sync::Arc;

use daemon::tls::TlsInfo;
use daemon::{Peer, Seat, now_millis};
use smtp::{Mail, Rcpt, Reply, XForward};
use smtp_server::{AuthAnswer, Handler, Hello, Verb};

use crate::client::Client;
use crate::settings::Role;
use crate::site::Site;
use crate::uids::Entered;
use auth::Login;
use transaction::Transaction;

/// A client's session.
#[derive(Debug)]
pub struct Session {
    site: Arc<Site>,
    client: Client,
    /// A login that waits for the client's next message.
    login: Option<Login>,
    transaction: Option<Transaction>,
    /// What the operator sees of it.
    seat: Seat,
    /// Its place among its user's, at a sendmail listener.
    entered: Option<Entered>,
}

impl Session {
    /// A session that begins.
    #[must_use]
    pub fn new(site: Arc<Site>, peer: Peer, role: Role, seat: Seat) -> Self {
        let client = Client::new(peer, role, &site.settings.mynetworks);
        Self { site, client, login: None, transaction: None, seat, entered: None }
    }

    /// Whether this user's programs may send, and not too many at once.
    fn enter(&mut self, uid: u32) -> Result<(), Reply> {
        let settings = &self.site.settings;
        if settings.submit_users.as_ref().is_some_and(|users| !users.contains(&uid)) {
            tracing::warn!(client = self.client.shown(), "userid {uid} may not send mail");
            let text = format!("userid {uid} is not allowed to submit mail");
            return Err(Reply::new(554, 7, 1, text));
        }
        self.entered = self.site.uids.enter(uid, settings.per_uid, now_millis());
        match self.entered {
            Some(_) => Ok(()),
            None => {
                let text = format!("Error: too many connections from userid {uid}");
                Err(Reply::new(421, 7, 0, format!("{} {text}", settings.hostname)))
            }
        }
    }

    /// Whether its user may send another message now.
    fn may_send(&self) -> Result<(), Reply> {
        let Some(entered) = &self.entered else { return Ok(()) };
        if entered.message(self.site.settings.per_uid, now_millis()) {
            return Ok(());
        }
        let client = self.client.shown();
        tracing::warn!(client, "more than max_messages_per_uid from {client}");
        let text = format!("Error: too much mail from {client}");
        Err(Reply::new(450, 7, 1, text))
    }
}

impl Handler for Session {
    async fn greet(&mut self) -> Result<(), Reply> {
        match (self.client.role, self.client.userid()) {
            (Role::Sendmail, Some(uid)) => self.enter(uid),
            // Who that is, nobody can tell.
            (Role::Sendmail, None) => Err(Reply::new(554, 7, 1, "Error: access denied")),
            _ => Ok(()),
        }
    }

    async fn hello(&mut self, hello: &Hello) -> Result<(), Reply> {
        self.client.extended = hello.verb != Verb::Helo;
        hello.name.clone_into(&mut self.client.helo);
        Ok(())
    }

    fn xforward(&mut self, said: &XForward) {
        self.client.forwarded = said.clone();
    }

    async fn mail(&mut self, mail: &Mail) -> Reply {
        if let Err(reply) = self.may_send() {
            return reply;
        }
        match Transaction::begin(&self.site, &self.client, mail) {
            Ok(transaction) => {
                transaction.tell_user(&self.client);
                self.transaction = Some(transaction);
                // It names one message: the next one's comes with its own XFORWARD.
                self.client.forwarded.ident = None;
                Reply::new(250, 1, 0, "Ok")
            }
            Err(reply) => reply,
        }
    }

    async fn rcpt(&mut self, rcpt: &Rcpt) -> Reply {
        match &mut self.transaction {
            Some(transaction) => transaction.rcpt(&self.site, &self.client, rcpt).await,
            None => Reply::new(503, 5, 1, "Error: need MAIL command"),
        }
    }

    async fn begin_data(&mut self) -> Result<(), Reply> {
        match &mut self.transaction {
            Some(transaction) => {
                self.seat.state("opening the next hop");
                let opened = transaction.open(&self.site, &self.client).await;
                if opened.is_err() {
                    self.transaction = None;
                }
                opened
            }
            None => Err(Reply::new(503, 5, 1, "Error: need RCPT command")),
        }
    }

    async fn chunk(&mut self, bytes: &[u8]) {
        if let Some(transaction) = &mut self.transaction {
            transaction.content(bytes).await;
        }
    }

    async fn finish(&mut self) -> Vec<Reply> {
        match self.transaction.take() {
            Some(transaction) => {
                self.seat.state(transaction.waits_for());
                transaction.finish(&self.site, &self.client).await
            }
            None => vec![Reply::new(503, 5, 1, "Error: need RCPT command")],
        }
    }

    async fn abort(&mut self) {
        if let Some(transaction) = self.transaction.take() {
            transaction.abandon().await;
        }
    }

    async fn auth(&mut self, mechanism: &str, initial: Option<Vec<u8>>) -> AuthAnswer {
        self.begin_login(mechanism, initial).await
    }

    async fn auth_continue(&mut self, response: Vec<u8>) -> AuthAnswer {
        self.continue_login(response).await
    }

    fn auth_cancelled(&mut self) {
        self.login = None;
    }

    fn tls_started(&mut self, info: &TlsInfo) {
        // RFC 3207 §4.2: what was said in clear is forgotten.
        self.client.helo.clear();
        self.client.login = None;
        self.seat.no_user();
        self.login = None;
        info.tell(&self.client.shown());
        self.client.tls = Some(info.clone());
    }
}
