//! What all sessions share: settings, the two wires to authd, the one pair of eyes for IDLE.

use std::sync::Arc;

use auth_client::{LoginClient, Timeouts, User, UserClient};
use daemon::Check;
use store::{Account, Location, Owner, Watcher};

use crate::blocking::{self, Trouble};
use crate::figures::Figures;
use crate::folders;
use crate::settings::Settings;

/// Shared by all sessions that began under the same settings.
pub(crate) struct Shared {
    pub(crate) settings: Arc<Settings>,
    pub(crate) logins: LoginClient,
    pub(crate) users: UserClient,
    pub(crate) watcher: Arc<Watcher>,
    pub(crate) figures: Arc<Figures>,
    /// The uid that this daemon runs as: the only one whose mail it may touch.
    uid: u32,
}

/// Why a user's mail can't be opened. For the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoMail {
    #[error("the mail belongs to uid {user}, and this daemon runs as {own}")]
    OtherUid { user: u32, own: u32 },
    #[error(transparent)]
    Location(#[from] store::LocationError),
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

impl Shared {
    pub(crate) fn new(
        settings: Arc<Settings>,
        watcher: Arc<Watcher>,
        figures: Arc<Figures>,
    ) -> Self {
        let patience = Timeouts::default();
        Self {
            logins: LoginClient::new(settings.auth_client.clone(), patience),
            users: UserClient::new(settings.auth_userdb.clone(), patience),
            settings,
            watcher,
            figures,
            uid: nix::unistd::Uid::effective().as_raw(),
        }
    }

    /// Whether authd answers logins and says who a user is.
    pub(crate) async fn health(&self) -> Check {
        let (logins, users) = tokio::join!(self.logins.ping(), self.users.ping());
        match logins.and(users) {
            Ok(()) => Check::good(),
            Err(error) => Check::bad(format!("nobody can log in: {error}")),
        }
    }

    /// Opens a user's mail, and makes the mailboxes that everybody has.
    pub(crate) async fn open(self: &Arc<Self>, user: &User) -> Result<Box<dyn Account>, NoMail> {
        if let Some(uid) = user.uid.filter(|uid| *uid != self.uid) {
            return Err(NoMail::OtherUid { user: uid, own: self.uid });
        }
        let mail = &self.settings.mail;
        let own = user.fields.get("mail").map(|text| Location::parse(text)).transpose()?;
        let location = own.as_ref().unwrap_or(&mail.location);
        let owner = Owner { name: user.name.clone(), home: user.home.clone() };
        let path = location.expand_within(&mail.roots, &owner)?;
        let account = store::maildir::open_within(&mail.roots, location, &owner)?;
        let shared = Arc::clone(self);
        let provided = blocking::run(move || {
            let mut account = account;
            // Before an empty mailbox is shown in place of one whose disk isn't there.
            shared.settings.mail.roots.check(&path)?;
            folders::provide(account.as_mut(), &shared.settings.mail.wanted).map(|()| account)
        });
        Ok(provided.await.map_err(Trouble::from)?.map_err(Trouble::from)?)
    }
}
