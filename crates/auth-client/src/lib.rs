//! The asking side of Dovecot's auth protocol: logins, and who a user is.
//!
//! Both clients keep one connection to the daemon, shared by all who ask at the same time, opened
//! at the first question and again when it was lost. They decide nothing: a question that can't
//! be answered is an [`AuthError`], and every one of those is temporary (SMTP 451/454, IMAP
//! UNAVAILABLE), never "no such user". The protocol itself is `authwire`'s.

mod connection;
mod error;
mod login;
mod place;
mod timeouts;
mod user;

pub use authwire::client::FailCode;
pub use error::AuthError;
pub use login::{Exchange, LoginClient, Refusal, Request, Step, VerifiedLogin};
pub use place::{NoPlace, Place};
pub use timeouts::Timeouts;
pub use user::{MAX_LISTED_USERS, User, UserClient};
