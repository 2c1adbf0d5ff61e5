//! RCPT: resolving it, and the envelope that the accepted ones come to.

use std::collections::HashMap;

use address::{Address, ForwardPath};
use smtp::{Envelope, Orcpt, Rcpt, RcptParams, Reply};
use tracing::Instrument as _;

use super::transaction::{Accepted, MAX_TARGETS, Transaction};
use crate::client::Client;
use crate::figures::Figures;
use crate::resolve::{self, Aliases, Place, Refusal, Target, Unseen};
use crate::settings::Role;
use crate::site::Site;

impl Transaction {
    /// RCPT was said.
    pub(super) async fn rcpt(&mut self, site: &Site, client: &Client, rcpt: &Rcpt) -> Reply {
        let span = self.span();
        let reply = match self.take(site, client, rcpt).instrument(span).await {
            Ok(()) => return Reply::new(250, 1, 5, "Ok"),
            Err(reply) => reply,
        };
        let figures = &site.figures;
        Figures::count(if reply.is_transient() {
            &figures.recipients_deferred
        } else {
            &figures.recipients_refused
        });
        self.reject(client, rcpt, &reply);
        reply
    }

    async fn take(&mut self, site: &Site, client: &Client, rcpt: &Rcpt) -> Result<(), Reply> {
        let asked = rcpt.to.address();
        if asked.local().as_str().starts_with('-') {
            return Err(Reply::new(501, 1, 3, "Bad recipient address syntax"));
        }
        let resolved = match site.aliases().await {
            Ok(aliases) => self.resolve(site, client, asked, &aliases).await,
            Err(refusal) => Err(refusal),
        };
        let targets = resolved.map_err(|refusal| self.refusal(&refusal, asked))?;
        self.note_dead(asked, &targets);
        let sum: usize = self.accepted.iter().map(|accepted| accepted.targets.len()).sum();
        if sum + targets.len() > MAX_TARGETS {
            return Err(Reply::new(452, 5, 3, "Error: too many recipients"));
        }
        let mut given = rcpt.clone();
        if client.role == Role::Sendmail {
            // What it was called goes along (ORCPT), and no other machine knows it without its domain.
            let whole = asked.clone().or_domain(&site.settings.rules.myorigin);
            given.to = ForwardPath::new(whole);
        }
        self.accepted.push(Accepted { given, targets });
        Ok(())
    }

    async fn resolve(
        &self,
        site: &Site,
        client: &Client,
        asked: &Address,
        aliases: &Aliases,
    ) -> Result<Vec<Target>, Refusal> {
        let (trusted, rules) = (client.is_trusted(), &site.settings.rules);
        let resolved = resolve::resolve(asked, trusted, rules, aliases, &site.users).await;
        match resolved {
            // A program may not come again, and nobody may read what it says: the queue waits for it.
            Err(Refusal::Userdb(why)) if client.role == Role::Sendmail => {
                tracing::warn!(to = %asked, "taken unseen for a program here: {why}");
                let unseen = Unseen { rules, aliases, why };
                resolve::resolve(asked, trusted, rules, aliases, &unseen).await
            }
            resolved => resolved,
        }
    }

    /// What the client hears; why, the operator reads.
    fn refusal(&self, refusal: &Refusal, asked: &Address) -> Reply {
        let (code, subject, detail, text) = refusal.words(asked);
        if matches!(refusal, Refusal::Userdb(_) | Refusal::Table(_) | Refusal::Expansion(_)) {
            tracing::warn!(id = %self.trace, to = %asked, "recipient not resolved: {refusal}");
        }
        Reply::new(code, subject, detail, text)
    }

    /// Several targets of whom one is good are taken; the queue bounces the others.
    fn note_dead(&self, asked: &Address, targets: &[Target]) {
        for target in targets.iter().filter(|target| target.place == Place::Unknown) {
            tracing::warn!(
                id = %self.trace,
                to = %target.address,
                "nobody has this address, to which <{asked}> leads: it will bounce"
            );
        }
    }

    /// The recipients for the next hop, each once, and which of them each accepted one became.
    pub(super) fn envelope(&self) -> (Envelope, Vec<Vec<usize>>) {
        let mut rcpts: Vec<Rcpt> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut places = Vec::new();
        for Accepted { given, targets } in &self.accepted {
            let mut place = Vec::new();
            for target in targets {
                let at = *known.entry(identity(target)).or_insert_with(|| {
                    rcpts.push(next_rcpt(given, target));
                    rcpts.len() - 1
                });
                place.push(at);
            }
            places.push(place);
        }
        let mut mail = self.mail.clone();
        // An alias may lead where SMTPUTF8 is needed though the client didn't ask for it.
        mail.params.smtputf8 |= rcpts.iter().any(|rcpt| !rcpt.to.address().is_ascii());
        (Envelope { mail, rcpts }, places)
    }
}

/// What makes two targets the same: here, case doesn't matter; elsewhere it may (RFC 5321 §2.4).
fn identity(target: &Target) -> String {
    match (target.place, target.address.domain()) {
        (Place::Remote, Some(domain)) => format!("{}@{}", target.address.local(), domain.folded()),
        _ => target.address.folded(),
    }
}

/// RFC 3461 §5.2: the recipient as the client wrote it goes along, before aliases.
fn next_rcpt(given: &Rcpt, target: &Target) -> Rcpt {
    let written = given.to.address();
    let orcpt = given.params.orcpt.clone().unwrap_or_else(|| Orcpt {
        addr_type: if written.is_ascii() { "rfc822" } else { "utf-8" }.to_owned(),
        address: written.to_string(),
    });
    Rcpt {
        to: ForwardPath::new(target.address.clone()),
        params: RcptParams { notify: given.params.notify, orcpt: Some(orcpt) },
    }
}
