//! Virtual alias tables as they stood when the recipient was named, and the keys asked of them.
//!
//! Keys are tried in virtual(5)'s order, each in every table before the next. What stands on the
//! right gets `@myorigin` where bare, and the detail that the key didn't match
//! (propagate_unmatched_extensions = canonical, virtual).

use std::sync::Arc;

use address::{Address, LocalPart};
use lookup::table::Entries;
use lookup::table::alias::Destination;

use super::{Refusal, Rules};

/// A table at one moment.
pub type Snapshot = Arc<Entries<Vec<Destination>>>;

/// All alias tables at one moment.
#[derive(Debug, Clone, Default)]
pub struct Aliases(Vec<Snapshot>);

impl Aliases {
    /// The tables in the order in which they are asked.
    #[must_use]
    pub fn new(tables: Vec<Snapshot>) -> Self {
        Self(tables)
    }

    /// The alias of `user+detail@domain`, else of `user@domain`.
    pub(super) fn of_address(
        &self,
        address: &Address,
        rules: &Rules,
    ) -> Result<Option<Vec<Address>>, Refusal> {
        for (key, detail) in keys(address, rules) {
            if let Some(found) = self.get(&key) {
                return destinations(found, address, &detail, rules).map(Some);
            }
        }
        Ok(None)
    }

    /// The alias of `@domain`. The whole local part was matched, so only `@other` keeps it.
    pub(super) fn of_domain(
        &self,
        address: &Address,
        rules: &Rules,
    ) -> Result<Option<Vec<Address>>, Refusal> {
        let Some(domain) = address.domain() else { return Ok(None) };
        match self.get(&format!("@{}", domain.folded())) {
            Some(found) => destinations(found, address, "", rules).map(Some),
            None => Ok(None),
        }
    }

    fn get(&self, key: &str) -> Option<&[Destination]> {
        self.0.iter().find_map(|table| table.get(key)).map(Vec::as_slice)
    }
}

/// Keys for one address, with the detail that each leaves unmatched.
fn keys(address: &Address, rules: &Rules) -> Vec<(String, String)> {
    let (base, detail) = address.split_detail(&rules.delimiters);
    let has_detail = detail.is_some();
    let unmatched = address.local().as_str().get(base.local().as_str().len()..).unwrap_or("");
    // Table keys keep their quotes, as postmap(1) has them.
    let external = |address: &Address| address.to_string().to_lowercase();
    let mut keys = vec![(external(address), String::new())];
    if has_detail {
        keys.push((external(&base), unmatched.to_owned()));
    }
    // virtual(5): the bare `user` stands for `user@myorigin`.
    if address.domain() == Some(&rules.myorigin) {
        let bare = |address: &Address| address.local().to_string().to_lowercase();
        keys.push((bare(address), String::new()));
        if has_detail {
            keys.push((bare(&base), unmatched.to_owned()));
        }
    }
    keys
}

fn destinations(
    found: &[Destination],
    asked: &Address,
    detail: &str,
    rules: &Rules,
) -> Result<Vec<Address>, Refusal> {
    found
        .iter()
        .map(|destination| match destination {
            Destination::Domain(other) => {
                Ok(Address::new(asked.local().clone(), Some(other.clone())))
            }
            Destination::Address(address) => {
                let address = address.clone().or_domain(&rules.myorigin);
                with_detail(address, detail)
            }
        })
        .collect()
}

fn with_detail(address: Address, detail: &str) -> Result<Address, Refusal> {
    if detail.is_empty() {
        return Ok(address);
    }
    let local = LocalPart::from_unquoted(format!("{}{detail}", address.local().as_str()))
        .map_err(|_| Refusal::Expansion("an address grows too long"))?;
    Ok(Address::new(local, address.domain().cloned()))
}
