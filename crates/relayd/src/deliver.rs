//! A transaction with the domain's mail server, and the verdicts on its way back.

use std::time::Duration;

use lmtp_client::{HopError, Outcome, Transaction};
use smtp::{Envelope, Mail, Rcpt, Reply, XForward};
use tokio::time::{Instant, timeout_at};

use crate::dial::{Dialer, Dialled};
use crate::said::{Host, passed_on};
use crate::settings::Settings;
use crate::stream::Remote;

/// An open transaction with a remote server.
pub(crate) struct Delivery {
    pub(crate) host: Host,
    transaction: Transaction<Remote>,
    until: Instant,
}

impl Delivery {
    /// Dials the domain's server and opens a transaction with its first recipient, whose verdict is
    /// [`Delivery::first_verdict`]. The reply of an error is for every recipient of the domain.
    pub(crate) async fn open(
        dialer: &Dialer,
        settings: &Settings,
        domain: &str,
        mail: &Mail,
        rcpt: &Rcpt,
    ) -> Result<Self, Reply> {
        let until = Instant::now() + settings.max_time;
        let envelope = Envelope { mail: mail.clone(), rcpts: vec![rcpt.clone()] };
        let opening = async {
            let Dialled { host, connection } = dialer.dial(settings, domain).await?;
            match connection.open(&XForward::default(), &envelope).await {
                Ok(transaction) => Ok(Self { host, transaction, until }),
                Err((HopError::Refused(reply), _)) => {
                    Err(passed_on(&host, &reply, "MAIL FROM command"))
                }
                Err((error, _)) => Err(error.as_reply()),
            }
        };
        timeout_at(until, opening).await.unwrap_or_else(|_| Err(too_long(settings.max_time)))
    }

    /// The verdict on the recipient that it was opened with.
    pub(crate) fn first_verdict(&self) -> Reply {
        let verdict = self.transaction.recipients().first().cloned();
        let verdict =
            verdict.unwrap_or_else(|| Reply::new(451, 4, 2, "no verdict on the recipient"));
        passed_on(&self.host, &verdict, "RCPT TO command")
    }

    /// The verdict on a further recipient.
    pub(crate) async fn rcpt(&mut self, rcpt: &Rcpt) -> Reply {
        match timeout_at(self.until, self.transaction.rcpt(rcpt)).await {
            Ok(Ok(reply)) => passed_on(&self.host, &reply, "RCPT TO command"),
            Ok(Err(error)) => error.as_reply(),
            Err(_) => timed_out(&self.host),
        }
    }

    /// Says DATA.
    pub(crate) async fn begin(&mut self) -> Result<(), Reply> {
        match timeout_at(self.until, self.transaction.start_data()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(HopError::Refused(reply))) => Err(passed_on(&self.host, &reply, "DATA command")),
            Ok(Err(error)) => Err(error.as_reply()),
            Err(_) => Err(timed_out(&self.host)),
        }
    }

    /// Passes content on. What fails here is told by [`Delivery::finish`]; false if it did.
    pub(crate) async fn write(&mut self, octets: &[u8]) -> bool {
        timeout_at(self.until, self.transaction.write(octets))
            .await
            .is_ok_and(|written| written.is_ok())
    }

    /// Says the final dot: a verdict for each recipient that was offered, in order.
    pub(crate) async fn finish(self) -> Vec<Reply> {
        let (host, until) = (self.host, self.until);
        let offered = self.transaction.recipients().len();
        match timeout_at(until, self.transaction.finish()).await {
            Ok((outcomes, connection)) => {
                if let Some(connection) = connection {
                    tokio::spawn(connection.quit());
                }
                outcomes.iter().map(|outcome| verdict(&host, outcome)).collect()
            }
            Err(_) => vec![timed_out(&host); offered],
        }
    }

    /// Gives it up before the content.
    pub(crate) fn abandon(self) {
        if let Some(connection) = self.transaction.abandon() {
            tokio::spawn(connection.quit());
        }
    }
}

fn verdict(host: &Host, outcome: &Outcome) -> Reply {
    match outcome {
        Outcome::Reply(reply) => passed_on(host, reply, "end of DATA command"),
        Outcome::Unknown(why) | Outcome::Lost(why) => Reply::new(451, 4, 2, why.clone()),
    }
}

fn timed_out(host: &Host) -> Reply {
    Reply::new(451, 4, 2, format!("conversation with {host} took longer than max_time"))
}

fn too_long(limit: Duration) -> Reply {
    Reply::new(451, 4, 1, format!("no mail server could be reached within {} s", limit.as_secs()))
}
