//! authd's userdb, asked whether a mailbox exists.

use auth_client::{AuthError, UserClient};

use crate::resolve::{Unavailable, Userdb};

/// The name of the service in userdb requests.
pub(crate) const SERVICE: &str = "smtp";

impl Userdb for UserClient {
    async fn knows(&self, user: &str) -> Result<bool, Unavailable> {
        let unavailable = |error: AuthError| Unavailable(error.to_string());
        Ok(self.user(user, SERVICE).await.map_err(unavailable)?.is_some())
    }
}
