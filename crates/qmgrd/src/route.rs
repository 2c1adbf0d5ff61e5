//! Which socket a recipient's mail goes to: domains and sockets, no hosts.

use std::collections::BTreeMap;

use daemon::Domains;
use smtp::Rcpt;
use spool::{Head, State};

use crate::schedule::{Destination, Millis, Task, Work};
use crate::settings::Settings;

/// Where mail for this domain (in lower case) goes: an exception, our own mailboxes, the world.
pub(crate) fn destination(domains: &Domains, domain: &str) -> Destination {
    let socket = match domains.routes.get(domain) {
        Some(socket) => socket,
        None if domains.is_mailbox_domain(domain) => &domains.local_lmtp,
        None => &domains.remote_lmtp,
    };
    Destination::new(&socket.to_string_lossy(), domain)
}

/// Where this recipient's mail goes; one without a domain is in `myorigin`.
pub(crate) fn of(settings: &Settings, rcpt: &Rcpt) -> Destination {
    let domain = rcpt.to.address().domain().unwrap_or(&settings.origin);
    destination(&settings.domains, &domain.folded())
}

/// Where reports go.
pub(crate) fn outgoing(settings: &Settings) -> Destination {
    Destination::new(&settings.outgoing.to_string_lossy(), "")
}

/// What is to be done for an entry: its recipients by destination and due time, at most as many at a
/// time as one delivery takes, and its reports.
pub(crate) fn work(settings: &Settings, head: &Head, state: &State) -> Vec<Work> {
    let mut groups: BTreeMap<(Destination, Millis), Vec<u32>> = BTreeMap::new();
    for index in state.pending(head.total()) {
        let Some(rcpt) = head.envelope.rcpts.get(index as usize) else { continue };
        let due = state.recipient(index).next;
        groups.entry((of(settings, rcpt), due)).or_default().push(index);
    }
    let mut work = Vec::new();
    for ((destination, due), recipients) in groups {
        for some in recipients.chunks(settings.destination_recipients.max(1)) {
            let task = Task::Deliver(some.to_vec());
            work.push(Work { destination: destination.clone(), task, due });
        }
    }
    work.extend(state.notices().iter().map(|notice| Work {
        destination: outgoing(settings),
        task: Task::Report(notice.round),
        due: notice.next,
    }));
    work
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{head, settings};

    #[test]
    fn exceptions_then_mailboxes_then_the_world() {
        let settings = settings();
        let to = |domain: &str| destination(&settings.domains, domain).to_string();
        assert_eq!(to("example.test"), "example.test[/local]");
        assert_eq!(to("list.test"), "list.test[/lists]");
        assert_eq!(to("elsewhere.test"), "elsewhere.test[/remote]");
    }

    #[test]
    fn recipients_are_grouped() {
        let mut settings = settings();
        settings.destination_recipients = 2;
        let head = head(
            "<a@b.test>",
            &["1@far.test", "2@FAR.test", "3@far.test", "postmaster", "4@example.test"],
        );
        let mut state = State::default();
        state.recipient_mut(2).next = 5;
        let work = work(&settings, &head, &state);
        let shown: Vec<String> =
            work.iter().map(|w| format!("{} {:?} {}", w.destination, w.task, w.due)).collect();
        assert_eq!(
            shown,
            [
                "example.test[/local] Deliver([3, 4]) 0",
                "far.test[/remote] Deliver([0, 1]) 0",
                "far.test[/remote] Deliver([2]) 5",
            ]
        );
    }
}
