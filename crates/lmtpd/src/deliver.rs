//! Storing a message for its recipients, one after another, within the time that all of them have.

use std::sync::Arc;
use std::time::Duration;

use address::TraceId;
use mailbox::MailboxName;
use smtp::Reply;
use store::{Delivered, Delivery, Draft, Error, Kind, Result, Roots};
use tokio::time::Instant;

use crate::content::{Content, Drafted, panicked};
use crate::header::Front;
use crate::once::{Claim, Deliveries};
use crate::recipient::{Recipient, temporary};

/// A message's way: to whom, under which id, with which lines in front.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) id: TraceId,
    pub(crate) front: Front,
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) mail_roots: Roots,
    pub(crate) autocreate: bool,
}

/// What became of one recipient's copy.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is stored; now, or since an earlier offer.
    Stored {
        /// The mailbox's name, where it was stored now.
        mailbox: Option<String>,
    },
    /// It isn't.
    Failed(Error),
    /// The time was up. It may yet be stored; an offer under the same id will tell.
    TimeUp,
}

impl Outcome {
    /// The reply for it.
    pub(crate) fn reply(&self, recipient: &Recipient, id: &TraceId) -> Reply {
        let to = &recipient.address;
        match self {
            Self::Stored { .. } => Reply::new(250, 0, 0, format!("<{to}> {id} Saved")),
            Self::TimeUp => {
                Reply::new(451, 3, 0, format!("<{to}> Delivery takes too long, try again"))
            }
            Self::Failed(error) => match error.kind() {
                Kind::NoSpace => Reply::new(452, 3, 1, format!("<{to}> Not enough disk space")),
                Kind::OverQuota => {
                    let text = format!("<{to}> Quota exceeded (mailbox for user is full)");
                    Reply::new(552, 2, 2, text)
                }
                Kind::Locked => Reply::new(451, 2, 0, format!("<{to}> {}", error.public())),
                _ => temporary(to),
            },
        }
    }
}

impl Plan {
    fn mailbox(&self, of: &Recipient, account: &mut dyn store::Account) -> Result<MailboxName> {
        let Some(wanted) = &of.detail_mailbox else { return Ok(MailboxName::inbox()) };
        match account.exists(wanted) {
            Ok(true) => return Ok(wanted.clone()),
            Ok(false) if self.autocreate => {
                account.create(wanted)?;
                return Ok(wanted.clone());
            }
            _ => {} // a name that can't be, too
        }
        Ok(MailboxName::inbox())
    }

    /// A draft for recipient number `of`, with its header lines.
    pub(crate) fn begin(&self, of: usize) -> Result<(Box<dyn Draft>, MailboxName)> {
        let recipient = self.recipients.get(of).ok_or(Error::Cannot("no such recipient"))?;
        let opened =
            store::maildir::open_within(&self.mail_roots, &recipient.location, &recipient.owner);
        let mut account = opened.map_err(|error| Error::Damaged {
            file: format!("mail location of {}", recipient.user),
            why: error.to_string(),
        })?;
        let mailbox = self.mailbox(recipient, &mut *account)?;
        let mut draft = account.draft(&mailbox)?;
        draft.write(self.front.lines(&recipient.address).as_bytes())?;
        Ok((draft, mailbox))
    }

    fn delivery(&self, of: usize, search: bool) -> Delivery {
        let recipient = self.recipients.get(of).and_then(|recipient| recipient.mark.clone());
        Delivery { trace: self.id, recipient, search }
    }
}

/// Stores the message for all; tells what became of each.
pub(crate) async fn deliver(
    plan: Arc<Plan>,
    content: Content,
    deliveries: &Arc<Deliveries>,
    limit: Duration,
) -> Vec<Outcome> {
    let until = Instant::now() + limit;
    let count = plan.recipients.len();
    let mut source = match content {
        Content::Memory(octets) => Source::Memory(Arc::new(octets)),
        Content::Drafted(drafted) => Source::Drafted(drafted),
        Content::Failed(error) => Source::Failed(error),
    };
    // Who holds the draft comes last: the others read it.
    let own = if let Source::Drafted(drafted) = &source { Some(drafted.of) } else { None };
    let order = (0..count).filter(|of| Some(*of) != own).chain(own);
    let mut outcomes: Vec<Option<Outcome>> = (0..count).map(|_| None).collect();
    for of in order {
        let key = match plan.recipients.get(of) {
            Some(recipient) => (plan.id, recipient.address.folded()),
            None => continue,
        };
        let work = one(&plan, of, key, source, deliveries, until);
        let (outcome, left) = work.await;
        source = left;
        if let Some(slot) = outcomes.get_mut(of) {
            *slot = Some(outcome);
        }
    }
    outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::TimeUp)).collect()
}

/// Where the message is.
enum Source {
    Memory(Arc<Vec<u8>>),
    Drafted(Drafted),
    Failed(Error),
    /// With a task that takes too long, or that failed.
    Lost,
}

async fn one(
    plan: &Arc<Plan>,
    of: usize,
    key: crate::once::Key,
    source: Source,
    deliveries: &Arc<Deliveries>,
    until: Instant,
) -> (Outcome, Source) {
    let claim = match tokio::time::timeout_at(until, deliveries.claim(key)).await {
        Ok(Some(claim)) => claim,
        Ok(None) => return (Outcome::Stored { mailbox: None }, source),
        Err(_) => return (Outcome::TimeUp, source),
    };
    let kept = if let Source::Memory(octets) = &source { Some(Arc::clone(octets)) } else { None };
    let plan = Arc::clone(plan);
    // What is logged there belongs to this message, too.
    let span = tracing::error_span!("message", id = %plan.id);
    let work = move || span.in_scope(|| store(&plan, of, source, claim));
    let work = tokio::task::spawn_blocking(work);
    match tokio::time::timeout_at(until, work).await {
        Ok(Ok(done)) => done,
        // The task goes on with its claim; memory can be shared, a draft can't.
        Ok(Err(error)) => {
            (Outcome::Failed(panicked(&error)), kept.map_or(Source::Lost, Source::Memory))
        }
        Err(_) => (Outcome::TimeUp, kept.map_or(Source::Lost, Source::Memory)),
    }
}

/// On a blocking thread.
fn store(plan: &Plan, of: usize, mut source: Source, claim: Claim) -> (Outcome, Source) {
    let result = match source {
        Source::Drafted(drafted) if drafted.of == of => {
            source = Source::Lost; // the last one
            drafted.into_draft()
        }
        Source::Drafted(ref mut drafted) => plan.begin(of).and_then(|(mut draft, mailbox)| {
            drafted.copy_to(&mut *draft)?;
            Ok((draft, mailbox))
        }),
        Source::Memory(ref octets) => plan.begin(of).and_then(|(mut draft, mailbox)| {
            draft.write(octets)?;
            Ok((draft, mailbox))
        }),
        Source::Failed(ref error) => Err(again(error)),
        Source::Lost => return (Outcome::TimeUp, source),
    };
    let delivery = plan.delivery(of, claim.search);
    let delivered = result.and_then(|(draft, mailbox)| Ok((draft.deliver(&delivery)?, mailbox)));
    match delivered {
        Ok((delivered, mailbox)) => {
            claim.finish();
            let mailbox = (delivered == Delivered::Stored).then(|| mailbox.join('/'));
            (Outcome::Stored { mailbox }, source)
        }
        Err(error) => (Outcome::Failed(error), source),
    }
}

/// The same failure for the next recipient.
fn again(error: &Error) -> Error {
    match error.kind() {
        Kind::NoSpace => io(std::io::ErrorKind::StorageFull, error),
        Kind::OverQuota => Error::OverQuota,
        _ => io(std::io::ErrorKind::Other, error),
    }
}

fn io(kind: std::io::ErrorKind, error: &Error) -> Error {
    Error::Io { what: format!("keep the message: {error}"), source: kind.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Source as From;
    use address::{Address, ReversePath};
    use store::{Location, Owner};

    fn plan(home: &std::path::Path, users: &[&str]) -> Arc<Plan> {
        let recipient = |user: &&str| Recipient {
            address: user.parse::<Address>().expect("address"),
            user: (*user).to_owned(),
            owner: Owner { name: (*user).to_owned(), home: Some(home.join(user)) },
            location: Location::parse("maildir:~/Maildir").expect("location"),
            detail_mailbox: None,
            mark: None,
        };
        let mail = smtp::Mail { from: ReversePath::Null, params: smtp::MailParams::default() };
        let id = TraceId::new(5, 5);
        let from = From { helo: "c", addr: None, hostname: "h", seconds: 0 };
        let front = Front::new(&mail, &id, from, None);
        let recipients = users.iter().map(recipient).collect();
        Arc::new(Plan { id, front, recipients, mail_roots: Roots::default(), autocreate: false })
    }

    fn codes(plan: &Plan, outcomes: &[Outcome]) -> Vec<u16> {
        let both = plan.recipients.iter().zip(outcomes);
        both.map(|(recipient, outcome)| outcome.reply(recipient, &plan.id).code()).collect()
    }

    #[tokio::test]
    async fn who_is_still_in_work_when_time_is_up_gets_451() {
        let dir = tempfile::tempdir().expect("dir");
        let plan = plan(dir.path(), &["a@x", "b@x"]);
        let deliveries = Deliveries::new(10, 0);
        let other = deliveries.claim((plan.id, "a@x".to_owned())).await.expect("free");
        let content = || Content::Memory(b"Subject: x\r\n".to_vec());
        let limit = Duration::from_millis(20);
        let outcomes = deliver(Arc::clone(&plan), content(), &deliveries, limit).await;
        assert_eq!(codes(&plan, &outcomes).first(), Some(&451));
        drop(other);
        let limit = Duration::from_secs(60);
        let outcomes = deliver(Arc::clone(&plan), content(), &deliveries, limit).await;
        assert_eq!(codes(&plan, &outcomes), [250, 250]);
        let new = dir.path().join("a@x/Maildir/new");
        assert_eq!(std::fs::read_dir(new).expect("made").count(), 1);
    }

    #[tokio::test]
    async fn failures_have_the_protocols_words() {
        let dir = tempfile::tempdir().expect("dir");
        let plan = plan(dir.path(), &["a@x", "b@x"]);
        let deliveries = Deliveries::new(10, 0);
        for (error, code) in [
            (Error::OverQuota, 552),
            (io(std::io::ErrorKind::StorageFull, &Error::Gone), 452),
            (io(std::io::ErrorKind::Other, &Error::Gone), 451),
        ] {
            let content = Content::Failed(error);
            let limit = Duration::from_secs(60);
            let outcomes = deliver(Arc::clone(&plan), content, &deliveries, limit).await;
            assert_eq!(codes(&plan, &outcomes), [code, code]);
        }
    }
}
