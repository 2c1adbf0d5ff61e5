//! The demo's three users: passwords drawn once, hashed into a passwd-file.

use serde::{Deserialize, Serialize};
use userdb::scheme::{Scheme, make as stored};

use super::layout::Layout;
use crate::exit::Failure;

/// The domains whose mailboxes are here.
pub(super) const DOMAINS: [&str; 2] = ["example.test", "example.org"];
const LOGINS: [&str; 3] = ["alice@example.test", "bob@example.test", "carol@example.org"];

/// One user, with the password in clear: the demo tells it to whoever started it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) login: String,
    pub(super) password: String,
    pub(super) home: String,
}

/// Makes the users and the passwd-file; a kept root has both already.
pub(super) fn make(layout: &Layout) -> Result<Vec<Account>, Failure> {
    let kept = layout.root().join("passwords.json");
    let accounts =
        match std::fs::read(&kept).ok().and_then(|text| serde_json::from_slice(&text).ok()) {
            Some(accounts) => accounts,
            None => {
                let accounts = fresh(layout)?;
                let text = serde_json::to_string(&accounts)
                    .map_err(|error| Failure::system("JSON", error))?;
                layout.write(&kept, 0o600, &text)?;
                accounts
            }
        };
    let users = layout.passwd_file();
    if !users.exists() {
        let lines: Result<Vec<String>, Failure> =
            accounts.iter().map(|one| line(layout, one)).collect();
        layout.write(&users, 0o600, &lines?.concat())?;
        layout.give(&users)?;
    }
    Ok(accounts)
}

fn fresh(layout: &Layout) -> Result<Vec<Account>, Failure> {
    let account = |login: &str| {
        let (user, domain) = login.split_once('@').unwrap_or((login, ""));
        let home = layout.mail_root().join(domain).join(user).display().to_string();
        Ok(Account { login: login.to_owned(), password: password()?, home })
    };
    LOGINS.into_iter().map(account).collect()
}

/// Twelve random letters and digits: no shell, URL or protocol needs them quoted.
fn password() -> Result<String, Failure> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let drawn = random::<12>()?;
    let letter =
        |byte: &u8| char::from(LETTERS.get(usize::from(byte % 32)).copied().unwrap_or(b'a'));
    Ok(drawn.iter().map(letter).collect())
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Failure::system("random numbers", error))?;
    Ok(bytes)
}

/// Dovecot's passwd-file: user:password:uid:gid:gecos:home:shell:fields.
fn line(layout: &Layout, account: &Account) -> Result<String, Failure> {
    let (uid, gid) = (layout.owner.uid, layout.owner.gid);
    // It costs little: thousands of test logins don't wait for it.
    let hash = stored(Scheme::Ssha512, account.password.as_bytes(), None)
        .map_err(|error| Failure::system("passwords", error))?;
    Ok(format!("{}:{hash}:{uid}:{gid}::{}::\n", account.login, account.home))
}
