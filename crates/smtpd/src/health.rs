//! What `/v1/health` says of the daemons that smtpd needs: authd, lmtpd, qmgrd.

use std::sync::Arc;

use daemon::{Admin, Check};
use lmtp_client::Client;
use tokio::sync::watch;

use crate::settings::Role;
use crate::site::Site;

/// Registers the checks; each asks with the settings of now.
pub(crate) fn register(admin: &Admin, sites: &watch::Receiver<Arc<Site>>) {
    let of = sites.clone();
    admin.check("authd", move || {
        let site = Arc::clone(&of.borrow());
        async move { authd(&site).await }
    });
    let of = sites.clone();
    admin.check("lmtpd", move || {
        let client = of.borrow().hops.lmtpd.clone();
        async move { hop(client, "local mail isn't taken").await }
    });
    let of = sites.clone();
    admin.check("qmgrd", move || {
        let client = Some(of.borrow().hops.qmgrd.clone());
        async move { hop(client, "nothing can be queued").await }
    });
}

/// Logins are asked for only where somebody may log in.
async fn authd(site: &Site) -> Check {
    if let Err(error) = site.users.ping().await {
        return Check::bad(format!("no local recipient can be looked up: {error}"));
    }
    let submission = site.settings.listeners.iter().any(|one| one.role == Role::Submission);
    match submission {
        true => match site.logins.ping().await {
            Ok(()) => Check::good(),
            Err(error) => Check::bad(format!("nobody can log in: {error}")),
        },
        false => Check::good(),
    }
}

async fn hop(client: Option<Client>, otherwise: &str) -> Check {
    let Some(client) = client else { return Check::good() };
    match client.reach().await {
        Ok(()) => Check::good(),
        Err(error) => Check::bad(format!("{otherwise}: {error}")),
    }
}
