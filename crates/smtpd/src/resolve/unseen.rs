//! Recipients while authd is away, for a sender who won't come again: lmtpd or the queue find out.

use address::Address;

use super::{Aliases, Rules, Unavailable, Userdb};

/// Takes every name for a mailbox's, but where a catch-all would take those that are none: mail would
/// come back that somebody should have got.
#[derive(Debug)]
pub struct Unseen<'a> {
    /// What the operator has set.
    pub rules: &'a Rules,
    /// The tables, as they are.
    pub aliases: &'a Aliases,
    /// Why nobody can be asked.
    pub why: Unavailable,
}

impl Userdb for Unseen<'_> {
    async fn knows(&self, user: &str) -> Result<bool, Unavailable> {
        let address: Option<Address> = user.parse().ok();
        let caught = address.is_none_or(|address| {
            !matches!(self.aliases.of_domain(&address, self.rules), Ok(None))
        });
        if caught { Err(self.why.clone()) } else { Ok(true) }
    }
}
