//! LIST, LSUB and STATUS (RFC 3501 §6.3.8–§6.3.10, RFC 5258, RFC 5819, RFC 6154).

use std::collections::{BTreeMap, BTreeSet};

use imap::command::{List, StatusItem, WireName, WirePattern};
use imap::pattern::Pattern;
use imap::response::{self, ChildInfo, Code, ListAttribute};
use mailbox::MailboxName;
use store::{Account, Listed, Status};

use crate::names;
use crate::session::{Session, State};
use crate::settings::Mail;
use crate::verdict::{Asked, Ended, Verdict};

impl Session {
    pub(crate) async fn list(&mut self, asked: &Asked, list: List) -> Result<Verdict, Ended> {
        let separator = self.separator();
        if let ([only], false) = (list.patterns.as_slice(), list.extended)
            && only.is_empty()
        {
            response::list_root(&mut self.wire.out, separator);
            return Ok(asked.ok("List completed"));
        }
        let patterns = match patterns(&list.reference, &list.patterns, separator) {
            Ok(patterns) => patterns,
            Err(text) => return Ok(asked.no(&text)),
        };
        let settings = std::sync::Arc::clone(&self.shared.settings);
        let listed = self.account.ask(move |account| {
            let mut out = Vec::new();
            let view =
                View::read(account.as_mut(), list.selection.subscribed || list.returns.subscribed)?;
            let listing = Listing { list: &list, patterns: &patterns, mail: &settings.mail };
            listing.put(&view, account.as_mut(), &mut out);
            Ok(out)
        });
        match listed.await {
            Ok(out) => {
                self.wire.out.extend_from_slice(&out);
                Ok(asked.ok("List completed"))
            }
            Err(trouble) => self.refuse(asked, &trouble, None),
        }
    }

    pub(crate) async fn lsub(
        &mut self,
        asked: &Asked,
        reference: &WireName,
        pattern: &WirePattern,
    ) -> Result<Verdict, Ended> {
        let separator = self.separator();
        let one = std::slice::from_ref(pattern);
        let patterns = match patterns(reference, one, separator) {
            Ok(patterns) => patterns,
            Err(text) => return Ok(asked.no(&text)),
        };
        let subscribed = self.account.ask(|account| account.subscriptions()).await;
        let subscribed = match subscribed {
            Ok(subscribed) => subscribed,
            Err(trouble) => return self.refuse(asked, &trouble, None),
        };
        let out = &mut self.wire.out;
        for (name, itself) in matching_or_above(&subscribed, &patterns, separator) {
            // RFC 3501 §6.3.9: `%` shows `foo` as \Noselect where only `foo/bar` is subscribed.
            let mut attributes = Vec::new();
            if itself {
                attributes.extend(self.shared.settings.mail.special_use(&name));
            } else {
                attributes.push(ListAttribute::Noselect);
            }
            response::lsub(out, &attributes, (&name, separator));
        }
        Ok(asked.ok("Lsub completed"))
    }

    pub(crate) async fn status(
        &mut self,
        asked: &Asked,
        name: &WireName,
        items: &[StatusItem],
    ) -> Result<Verdict, Ended> {
        let separator = self.separator();
        let name = match names::mailbox(name, separator) {
            Ok(name) => name,
            Err(bad) => return Ok(asked.bad_name(&bad)),
        };
        let wanted = name.clone();
        let status = self.account.ask(move |account| account.status(&wanted)).await;
        match status {
            Ok(status) => {
                let values = values(&status, items);
                response::status(&mut self.wire.out, (&name, separator), &values);
                Ok(match &self.state {
                    State::Selected(selected) if selected.name == name => {
                        asked.ok_with(&Code::ClientBug, "Status on selected mailbox completed")
                    }
                    _ => asked.ok("Status completed"),
                })
            }
            Err(trouble) => self.refuse(asked, &trouble, None),
        }
    }
}

fn values(status: &Status, items: &[StatusItem]) -> Vec<(StatusItem, u32)> {
    let value = |item: StatusItem| match item {
        StatusItem::Messages => status.messages,
        StatusItem::Recent => status.recent,
        StatusItem::UidNext => status.uid_next.get(),
        StatusItem::UidValidity => status.uid_validity.get(),
        StatusItem::Unseen => status.unseen,
    };
    let asked = StatusItem::ALL.into_iter().filter(|item| items.contains(item));
    asked.map(|item| (item, value(item))).collect()
}

fn patterns(
    reference: &WireName,
    patterns: &[WirePattern],
    separator: char,
) -> Result<Vec<Pattern>, String> {
    let decoded = |octets: &[u8]| names::text(octets).map_err(|bad| bad.to_string());
    let reference = decoded(reference.octets())?;
    let one = |pattern: &WirePattern| {
        Pattern::new(&reference, &decoded(pattern.octets())?, separator)
            .map_err(|long| long.to_string())
    };
    patterns.iter().map(one).collect()
}

/// The names that match, and the nearest names above the others that do (`false`).
fn matching_or_above(
    names: &[MailboxName],
    patterns: &[Pattern],
    separator: char,
) -> BTreeMap<MailboxName, bool> {
    let matches = |name: &MailboxName| {
        let text = name.join(separator);
        patterns.iter().any(|pattern| pattern.matches(&text))
    };
    let mut found = BTreeMap::new();
    for name in names {
        if matches(name) {
            found.insert(name.clone(), true);
            continue;
        }
        let mut above = name.parent();
        while let Some(parent) = above {
            if matches(&parent) {
                found.entry(parent).or_insert(false);
                break;
            }
            above = parent.parent();
        }
    }
    found
}

/// What there is, and what is subscribed to.
struct View {
    listed: BTreeMap<MailboxName, Listed>,
    subscribed: BTreeSet<MailboxName>,
}

impl View {
    fn read(account: &mut dyn Account, subscriptions: bool) -> store::Result<Self> {
        let listed = account.list()?.into_iter().map(|one| (one.name.clone(), one)).collect();
        let subscribed = match subscriptions {
            true => account.subscriptions()?.into_iter().collect(),
            false => BTreeSet::new(),
        };
        Ok(Self { listed, subscribed })
    }
}

/// A LIST being answered.
struct Listing<'a> {
    list: &'a List,
    patterns: &'a [Pattern],
    mail: &'a Mail,
}

impl Listing<'_> {
    fn put(&self, view: &View, account: &mut dyn Account, out: &mut Vec<u8>) {
        for (name, children) in self.chosen(view) {
            let attributes = self.attributes(view, &name, children);
            response::list(out, &attributes, (&name, self.mail.separator), children);
            self.put_status(view, &name, account, out);
        }
    }

    /// The names to be listed, in order.
    fn chosen(&self, view: &View) -> Vec<(MailboxName, ChildInfo)> {
        let separator = self.mail.separator;
        let selection = &self.list.selection;
        if selection.subscribed {
            let names: Vec<MailboxName> = view.subscribed.iter().cloned().collect();
            let found = matching_or_above(&names, self.patterns, separator);
            return found
                .into_iter()
                .filter(|(name, itself)| {
                    (*itself || selection.recursive_match) && self.special_enough(name)
                })
                .map(|(name, _)| {
                    // RFC 5258 §4: CHILDINFO where a name below is subscribed to but not listed.
                    let below = |other: &&MailboxName| other.is_below(&name);
                    let children = selection.recursive_match
                        && names.iter().filter(below).any(|other| !self.matches(other));
                    (name, if children { ChildInfo::Subscribed } else { ChildInfo::None })
                })
                .collect();
        }
        let matching = view.listed.keys().filter(|name| self.matches(name));
        matching
            .filter(|name| self.special_enough(name))
            .map(|name| (name.clone(), ChildInfo::None))
            .collect()
    }

    fn matches(&self, name: &MailboxName) -> bool {
        let text = name.join(self.mail.separator);
        self.patterns.iter().any(|pattern| pattern.matches(&text))
    }

    fn special_enough(&self, name: &MailboxName) -> bool {
        !self.list.selection.special_use || self.mail.special_use(name).is_some()
    }

    fn attributes<'m>(
        &'m self,
        view: &View,
        name: &MailboxName,
        children: ChildInfo,
    ) -> Vec<ListAttribute<'m>> {
        let List { returns, selection, extended, .. } = self.list;
        let listed = view.listed.get(name);
        let mut attributes = Vec::new();
        if (returns.subscribed || selection.subscribed) && view.subscribed.contains(name) {
            attributes.push(ListAttribute::Subscribed);
        }
        if !listed.is_some_and(|listed| listed.selectable) {
            // RFC 5258 §3.1: \NonExistent implies \Noselect.
            let plain = ListAttribute::Noselect;
            attributes.push(if *extended { ListAttribute::NonExistent } else { plain });
        }
        if (returns.children || !extended) && children == ChildInfo::None {
            let below = listed.is_some_and(|listed| listed.has_children);
            attributes.push(if below {
                ListAttribute::HasChildren
            } else {
                ListAttribute::HasNoChildren
            });
        }
        if returns.special_use || selection.special_use || !extended {
            attributes.extend(self.mail.special_use(name));
        }
        attributes
    }

    /// RFC 5819: a mailbox whose status can't be told has none.
    fn put_status(
        &self,
        view: &View,
        name: &MailboxName,
        account: &mut dyn Account,
        out: &mut Vec<u8>,
    ) {
        let wanted = &self.list.returns.status;
        let selectable = view.listed.get(name).is_some_and(|listed| listed.selectable);
        if wanted.is_empty() || !selectable {
            return;
        }
        if let Ok(status) = account.status(name) {
            response::status(out, (name, self.mail.separator), &values(&status, wanted));
        }
    }
}
