//! Whom a message is for: one recipient as a client names it becomes one or more targets.
//!
//! Decides relaying, follows virtual aliases, asks the userdb; opens no socket and reads no file,
//! so that every rule stands in a table of tests. The order (docs/architecture.md, "Who decides
//! what"): alias of the full address, alias without the detail, the userdb, the catch-all.

mod aliases;
mod refusal;
#[cfg(test)]
mod tests;
mod unseen;

use std::collections::HashSet;
use std::future::Future;

use address::{Address, Domain};

pub use aliases::{Aliases, Snapshot};
pub use refusal::{Refusal, Unavailable};
pub use unseen::Unseen;

/// Where a domain's catch-all stands in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchAll {
    /// Behind the userdb: it takes what no mailbox takes.
    Dovetail,
    /// Before the userdb, as Postfix has it: it takes all that has no alias of its own.
    Postfix,
}

/// What the operator has set about addresses.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Domains whose mailboxes are here, in lower case.
    pub mailbox_domains: HashSet<String>,
    /// What bare names get behind their `@`.
    pub myorigin: Domain,
    /// Who gets `RCPT TO:<postmaster>`.
    pub postmaster: Address,
    /// Characters that begin a detail (`user+detail`).
    pub delimiters: String,
    /// Where the catch-all stands.
    pub catch_all: CatchAll,
    /// How deep aliases may nest (Postfix's virtual_alias_recursion_limit).
    pub max_depth: usize,
    /// How many addresses one recipient may become (virtual_alias_expansion_limit).
    pub max_addresses: usize,
}

impl Rules {
    /// Whether mailboxes of this domain are here.
    #[must_use]
    pub fn is_local(&self, address: &Address) -> bool {
        address.domain().is_some_and(|domain| self.mailbox_domains.contains(&domain.folded()))
    }
}

/// Whether a mailbox exists, as authd knows it.
pub trait Userdb: Sync {
    /// Asks for `user`, an address without its detail.
    ///
    /// # Errors
    /// If the answer is neither yes nor no: then the client must come again.
    fn knows(&self, user: &str) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}

/// What is known of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A mailbox here.
    Mailbox,
    /// In one of our domains, but nobody has it: qmgrd will bounce it.
    Unknown,
    /// Somebody else's.
    Remote,
}

/// Where mail goes in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The final address: case and detail kept.
    pub address: Address,
    /// Whether and where somebody takes it.
    pub place: Place,
}

/// Finds the targets of `asked`. Never empty; at least one of them is alive, but for the bare
/// `postmaster`, who is always taken (RFC 5321 §4.5.1).
///
/// # Errors
/// What the client must be told instead.
pub async fn resolve(
    asked: &Address,
    may_relay: bool,
    rules: &Rules,
    aliases: &Aliases,
    userdb: &impl Userdb,
) -> Result<Vec<Target>, Refusal> {
    if asked.domain().is_none() && asked.local().as_str().eq_ignore_ascii_case("postmaster") {
        return postmaster(rules, aliases, userdb).await;
    }
    let address = asked.clone().or_domain(&rules.myorigin);
    if !may_relay && (is_routed(&address) || !rules.is_local(&address)) {
        return Err(Refusal::Relay);
    }
    let targets = expand(address, rules, aliases, userdb).await?;
    if targets.iter().all(|target| target.place == Place::Unknown) {
        return Err(Refusal::UnknownUser);
    }
    Ok(targets)
}

/// `a%b@here`, `host!a@here` and `a@b@here` asked old mailers to pass mail on. Nobody gets that by
/// naming one of our domains (Postfix's allow_untrusted_routing = no).
fn is_routed(address: &Address) -> bool {
    address.local().as_str().contains(['%', '!', '@'])
}

async fn postmaster(
    rules: &Rules,
    aliases: &Aliases,
    userdb: &impl Userdb,
) -> Result<Vec<Target>, Refusal> {
    let address = rules.postmaster.clone().or_domain(&rules.myorigin);
    match expand(address.clone(), rules, aliases, userdb).await {
        Ok(targets) => Ok(targets),
        // The queue keeps it until somebody can tell who postmaster is.
        Err(Refusal::Userdb(why)) => {
            tracing::warn!(to = %address, "taken for postmaster unseen: {why}");
            Ok(vec![Target { address, place: Place::Unknown }])
        }
        Err(other) => Err(other),
    }
}

/// One address on the way from the recipient to its targets.
struct Node {
    address: Address,
    /// Which node's alias named it; none for the recipient itself.
    parent: Option<usize>,
    depth: usize,
    /// An alias that names itself: it stays what it is.
    settled: bool,
}

/// Follows aliases until nothing changes, depth first, in the order in which the table names them.
async fn expand(
    address: Address,
    rules: &Rules,
    aliases: &Aliases,
    userdb: &impl Userdb,
) -> Result<Vec<Target>, Refusal> {
    let mut nodes = vec![Node { address, parent: None, depth: 0, settled: false }];
    let mut open = vec![0];
    let mut seen = HashSet::new();
    let mut targets: Vec<Target> = Vec::new();
    while let Some(index) = open.pop() {
        let Some(node) = nodes.get(index) else { break };
        if !node.settled && !seen.insert(node.address.folded()) {
            if is_loop(&nodes, index) {
                return Err(Refusal::Expansion("an alias leads back to itself"));
            }
            continue;
        }
        match step(node, rules, aliases, userdb).await? {
            Step::Target(place) => {
                let target = Target { address: node.address.clone(), place };
                if !targets.iter().any(|known| known.address.folded() == target.address.folded()) {
                    targets.push(target);
                }
            }
            Step::Alias(addresses) => {
                let (folded, depth) = (node.address.folded(), node.depth + 1);
                if depth > rules.max_depth {
                    return Err(Refusal::Expansion("aliases nest too deep"));
                }
                let first = nodes.len();
                for address in addresses {
                    let settled = address.folded() == folded;
                    nodes.push(Node { address, parent: Some(index), depth, settled });
                }
                if nodes.len() - first.min(1) > rules.max_addresses {
                    return Err(Refusal::Expansion("an alias names too many addresses"));
                }
                open.extend((first..nodes.len()).rev());
            }
        }
    }
    Ok(targets)
}

/// Whether one of the node's ancestors is the same address.
fn is_loop(nodes: &[Node], index: usize) -> bool {
    let Some(node) = nodes.get(index) else { return false };
    let folded = node.address.folded();
    let mut parent = node.parent.and_then(|at| nodes.get(at));
    while let Some(ancestor) = parent {
        if ancestor.address.folded() == folded {
            return true;
        }
        parent = ancestor.parent.and_then(|at| nodes.get(at));
    }
    false
}

enum Step {
    Alias(Vec<Address>),
    Target(Place),
}

/// The order itself.
async fn step(
    node: &Node,
    rules: &Rules,
    aliases: &Aliases,
    userdb: &impl Userdb,
) -> Result<Step, Refusal> {
    let address = &node.address;
    let local = rules.is_local(address);
    if !node.settled {
        if let Some(found) = aliases.of_address(address, rules)? {
            return Ok(Step::Alias(found));
        }
        if (rules.catch_all == CatchAll::Postfix || !local)
            && let Some(found) = aliases.of_domain(address, rules)?
        {
            return Ok(Step::Alias(found));
        }
    }
    if !local {
        return Ok(Step::Target(Place::Remote));
    }
    if userdb.knows(&user_name(address, rules)).await.map_err(Refusal::Userdb)? {
        return Ok(Step::Target(Place::Mailbox));
    }
    if !node.settled
        && let Some(found) = aliases.of_domain(address, rules)?
    {
        return Ok(Step::Alias(found));
    }
    Ok(Step::Target(Place::Unknown))
}

/// What the userdb knows a mailbox by: no quotes, no detail, the domain in lower case.
fn user_name(address: &Address, rules: &Rules) -> String {
    let (base, _) = address.split_detail(&rules.delimiters);
    let domain = base.domain().map(Domain::folded).unwrap_or_default();
    format!("{}@{domain}", base.local().as_str())
}
