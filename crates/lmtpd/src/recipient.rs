//! Who a recipient is, and where its mail goes: decided when RCPT is said.

use std::path::PathBuf;

use address::Address;
use auth_client::{Place, User, UserClient};
use mailbox::MailboxName;
use smtp::{Rcpt, Reply};
use store::{Location, LocationError, Owner};

use crate::settings::Settings;

/// The service that userdb look-ups name.
const SERVICE: &str = "lmtp";

/// A recipient that was taken.
#[derive(Debug, Clone)]
pub(crate) struct Recipient {
    /// As it was said, case kept.
    pub(crate) address: Address,
    /// The user's name after normalising.
    pub(crate) user: String,
    pub(crate) owner: Owner,
    pub(crate) location: Location,
    /// Where the mail goes if it exists, or may be made; else INBOX.
    pub(crate) detail_mailbox: Option<MailboxName>,
    /// Tells the delivery apart from others of the message in the same mailbox; none for the user's
    /// plain address.
    pub(crate) mark: Option<String>,
}

/// Whose a recipient is.
#[derive(Debug)]
pub(crate) enum Resolved {
    /// Ours.
    Here(Recipient),
    /// Another uid's, which has an lmtpd of its own.
    Instance {
        /// That uid.
        uid: u32,
        /// The user's name after normalising.
        user: String,
    },
}

/// Asks the userdb, and checks its answer.
pub(crate) async fn resolve(
    rcpt: &Rcpt,
    users: &UserClient,
    settings: &Settings,
    own_uid: u32,
) -> Result<Resolved, Reply> {
    let address = rcpt.to.address().clone();
    let (plain, detail) = address.split_detail(&settings.recipient_delimiter);
    let login = login_of(&plain);
    let user = match users.user(&login, SERVICE).await {
        Ok(Some(user)) => user,
        Ok(None) => {
            return Err(Reply::new(550, 1, 1, format!("<{address}> User doesn't exist: {login}")));
        }
        Err(error) => {
            tracing::warn!(to = %format_args!("<{address}>"), %error, "can't look the recipient up");
            return Err(temporary(&address));
        }
    };
    let detail_mailbox = detail
        .filter(|_| settings.detail_mailbox)
        .and_then(|detail| MailboxName::parse(detail, settings.separator).ok());
    let cannot = |why: String, reply: Reply| {
        tracing::error!(to = %format_args!("<{address}>"), why, "can't deliver to this user");
        reply
    };
    match Place::of(&user, own_uid, settings.minimum_uid) {
        // Postfix's virtual(8) puts such mail off too, with this status.
        Err(why) => {
            let text = format!("<{address}> The mail system is not set up for this user");
            return Err(cannot(why.to_string(), Reply::new(451, 3, 5, text)));
        }
        Ok(Place::Instance(uid)) if settings.instance.is_none() => {
            return Ok(Resolved::Instance { uid, user: user.name });
        }
        // An instance has no users but its own: who has no uid is the front's.
        Ok(_) if settings.instance.is_some_and(|own| user.uid != Some(own)) => {
            let why = "the userdb doesn't say that this user's uid is this instance's".to_owned();
            return Err(cannot(why, temporary(&address)));
        }
        Ok(_) => {}
    }
    place(&address, user, settings)
        .map(|(user, owner, location)| {
            let folded = address.folded();
            let mark = (folded != user.to_lowercase()).then_some(folded);
            let address = address.clone();
            Resolved::Here(Recipient { address, user, owner, location, detail_mailbox, mark })
        })
        .map_err(|why| cannot(why, temporary(&address)))
}

/// Where a user's mail is, for who checks a userdb without delivering.
///
/// # Errors
/// Why mail for this user would be put off.
pub fn mail_place(user: User, settings: &Settings) -> Result<PathBuf, String> {
    let (name, owner, location) = place(&user.name.clone(), user, settings)?;
    location.expand(&owner).map_err(|error| format!("{name}: {error}"))
}

/// The name that the userdb knows: unquoted.
fn login_of(address: &Address) -> String {
    match address.domain() {
        Some(domain) => format!("{}@{domain}", address.local().as_str()),
        None => address.local().as_str().to_owned(),
    }
}

pub(crate) fn temporary(address: &Address) -> Reply {
    Reply::new(451, 3, 0, format!("<{address}> Temporary internal error"))
}

/// Where the user's mail is, if we may go there.
fn place(
    address: &dyn std::fmt::Display,
    mut user: User,
    settings: &Settings,
) -> Result<(String, Owner, Location), String> {
    let location = match user.fields.remove("mail") {
        Some(text) => Location::parse(&text).map_err(|error| format!("userdb: {error}"))?,
        None => settings.location.clone(),
    };
    let owner = Owner { name: user.name.clone(), home: user.home };
    let expanded = location.expand_within(&settings.mail_roots, &owner);
    expanded.map_err(|error| match error {
        LocationError::OutsideRoots(_) => error.to_string(),
        other => format!("{address}: {other}"),
    })?;
    Ok((user.name, owner, location))
}

#[cfg(test)]
mod tests {
    use super::*;
    use daemon::{Config, Daemon as _};
    use std::collections::BTreeMap;

    fn settings(text: &str) -> Settings {
        let config = Config::from_texts("lmtpd", &crate::Lmtpd::files(), &[("mail", text)]);
        Settings::read(&config.expect("well formed")).expect("good")
    }

    fn user(home: &str, mail: Option<&str>) -> User {
        let fields = mail.map(|mail| ("mail".to_owned(), mail.to_owned()));
        User {
            name: "a@b.test".to_owned(),
            uid: None,
            gid: None,
            home: Some(home.into()),
            fields: fields.into_iter().collect::<BTreeMap<_, _>>(),
        }
    }

    #[test]
    fn only_where_we_may_go() {
        let address: Address = "a@b.test".parse().expect("address");
        let roots = settings("mail_roots = [\"/var/vmail\"]\n");
        let try_it = |home: &str, mail| {
            place(&address, user(home, mail), &roots).map(|(_, owner, location)| {
                location.expand(&owner).expect("expands").display().to_string()
            })
        };
        assert_eq!(try_it("/var/vmail/a", None), Ok("/var/vmail/a/Maildir".into()));
        assert_eq!(try_it("/var/vmail/a", Some("maildir:/var/vmail/x")), Ok("/var/vmail/x".into()));
        assert!(try_it("/home/a", None).is_err());
        assert!(try_it("/var/vmail2/a", None).is_err());
        assert!(try_it("/var/vmail/../etc", None).is_err());
        assert!(try_it("/home/a", Some("maildir:/var/vmail/x")).is_err());
        assert!(try_it("/var/vmail/a", Some("maildir:/etc/x")).is_err());
        assert!(try_it("/var/vmail/a", Some("mbox:/var/vmail/x")).is_err());
    }

    #[test]
    fn logins_are_unquoted() {
        let address: Address = "\"a b\"@c.test".parse().expect("address");
        assert_eq!(login_of(&address), "a b@c.test");
    }
}
