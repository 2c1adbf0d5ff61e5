//! Mail of other uids: passed on, while it comes, to each uid's own lmtpd.
//!
//! What is done at once for several servers is `lmtp_client::Fan`'s; here stands who they are, how long
//! they may take, and what their answers mean to our client. An instance that isn't there or fails is
//! 451 for its recipients only; nothing is written here in its place.

use std::time::Duration;

use address::{Address, TraceId};
use lmtp_client::{Clients, Fan, FanLimits, HopError, Outcome, Slot, Target};
use smtp::{Mail, Rcpt, Reply, XForward};

use crate::recipient::temporary;
use crate::settings::Settings;

/// Instances that are kept in mind, with the connections to them.
const MAX_INSTANCES: usize = 4096;
/// Instances of one message.
const MAX_SERVERS: usize = 100;
/// For all instances of a message to answer RCPT, an instance's start included. smtpd waits 60 s.
const OPENING: Duration = Duration::from_secs(45);
/// For an instance to take a piece of a message.
const STALL: Duration = Duration::from_secs(10);
/// Instances work as long as we do: their verdicts come a little later than ours.
const MARGIN: Duration = Duration::from_secs(2);

/// The ways to all instances.
#[derive(Debug)]
pub(crate) struct Proxy(Clients);

/// A message's way through instances.
#[derive(Debug)]
pub(crate) struct Passing {
    fan: Fan,
    from: XForward,
}

/// A recipient that an instance took.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) address: Address,
    pub(crate) user: String,
    pub(crate) slot: Slot,
}

impl Proxy {
    pub(crate) fn new(settings: &Settings) -> Self {
        let hops = lmtp_client::Settings {
            helo: settings.hostname.clone(),
            connect: Duration::from_secs(20),
            ..lmtp_client::Settings::default()
        };
        Self(Clients::new(hops, MAX_INSTANCES))
    }

    fn client(&self, settings: &Settings, uid: u32) -> lmtp_client::Client {
        let path = settings.instances.replace("%i", &uid.to_string());
        self.0.client(Target::Unix(path.into()))
    }

    /// Instances that are known.
    pub(crate) fn known(&self) -> usize {
        self.0.len()
    }
}

impl Passing {
    /// For a message that came with what `from` says, known as `id` from here on.
    pub(crate) fn new(settings: &Settings, from: &XForward, id: &TraceId) -> Self {
        let limits = FanLimits {
            servers: MAX_SERVERS,
            opening: OPENING,
            stall: STALL,
            patience: settings.work_limit + MARGIN,
        };
        let from = XForward { ident: Some(id.as_str().to_owned()), ..from.clone() };
        Self { fan: Fan::new(limits), from }
    }

    /// Offers a recipient to its uid's instance. Its reply is ours, but where it isn't about the
    /// recipient.
    pub(crate) async fn rcpt(
        &mut self,
        (proxy, settings): (&Proxy, &Settings),
        (uid, user): (u32, String),
        mail: &Mail,
        rcpt: &Rcpt,
    ) -> Result<(Passed, Reply), Reply> {
        let client = proxy.client(settings, uid);
        match self.fan.rcpt(&client, &self.from, mail, rcpt).await {
            Ok((slot, reply)) => {
                Ok((Passed { address: rcpt.to.address().clone(), user, slot }, reply))
            }
            Err(HopError::Refused(reply)) if reply.code() != 421 => Err(reply),
            Err(error @ HopError::NeedsSmtpUtf8) => Err(error.as_reply()),
            Err(error) => {
                let to = rcpt.to.address();
                tracing::error!(to = %format_args!("<{to}>"), uid, %error, "can't pass this mail on");
                Err(temporary(to))
            }
        }
    }

    pub(crate) async fn begin(&mut self) {
        self.fan.begin().await;
    }

    pub(crate) async fn write(&mut self, octets: &[u8]) {
        self.fan.write(octets).await;
    }

    /// The verdict on each of `passed`, in their order: the reply, the instance, and what there is to
    /// say about it.
    pub(crate) async fn finish(self, passed: &[Passed]) -> Vec<(Reply, String, String)> {
        if passed.is_empty() {
            self.fan.abandon().await;
            return Vec::new();
        }
        let verdicts = self.fan.finish().await;
        let verdict = |one: &Passed| {
            let relay = verdicts.relay(one.slot).to_owned();
            match verdicts.of(one.slot) {
                // 421 is said to us, of that connection.
                Outcome::Reply(reply) if reply.code() != 421 => {
                    let text = reply.text();
                    (reply, relay, text)
                }
                Outcome::Reply(reply) => (temporary(&one.address), relay, reply.to_string()),
                Outcome::Unknown(why) | Outcome::Lost(why) => (temporary(&one.address), relay, why),
            }
        };
        passed.iter().map(verdict).collect()
    }

    pub(crate) async fn abandon(self) {
        self.fan.abandon().await;
    }
}
