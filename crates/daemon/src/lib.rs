//! What every daemon does alike: configuration, listeners, logs, signals, admin socket.
//!
//! A daemon implements [`Daemon`] and calls [`main`]; this crate owns the order of starting
//! (single-threaded until privileges are dropped) and the end. It knows no mail protocol.

mod admin;
mod arguments;
mod bind;
mod config;
mod confine;
mod context;
mod error;
mod inherit;
pub mod keys;
mod life;
mod limits;
mod listener;
mod log;
mod man;
mod name;
pub mod networks;
mod peers;
mod pid_file;
mod privileges;
mod reload;
mod run;
mod service;
mod sessions;
mod shared;
mod signals;
mod sockets;
mod start;
mod stream;
mod time;
pub mod tls;
pub mod users;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

pub use admin::{
    Admin, Answer, CHECK_TIME, Check, Figure, Histogram, LONG_TIMES, Method, Refusal, Request,
    SHORT_TIMES, Sample, State, StatusCode,
};
pub use arguments::DEFAULT_FOLDER;
pub use bind::{Access, bind};
pub use config::{
    Config, FileSpec, Key, Kind, MAX_FILE_SIZE, Problem, Purpose, Shown, SocketAddress, Table,
    UsedPath, Value, hostname, merge, merge_folders, nearest, parse_duration, parse_size,
    print_duration, print_problems, print_size, sample, show,
};
pub use confine::PARENT_VARIABLE;
pub use context::Context;
pub use error::Error;
pub use inherit::{SOCKETS_VARIABLE, take as inherited_sockets};
pub use life::Life;
pub use listener::Listener;
pub use log::{MAX_LINE, MAX_VALUE};
pub use man::{Manual, ManualSocket, Page, Roff, Span, daemon_page, file_page, file_page_name};
pub use name::{BadInstance, MAX_INSTANCE_OCTETS, Name};
pub use privileges::{Identity, default_user};
pub use sessions::{Seat, Session, SessionLimits, Sessions, TooMany, Who};
pub use shared::{Domains, Mail, SpecialMailbox};
pub use start::{check, check_instance, main};
pub use stream::{Peer, Stream};
pub use time::{fresh_trace_id, now_millis, print_span, rfc3339};
/// The sign to stop, as [`Context::shutdown`] has it.
pub use tokio_util::sync::CancellationToken;

/// A daemon.
pub trait Daemon: Sized + Send + Sync + 'static {
    /// Its name: `smtpd`. Process, configuration file and log lines are named so.
    const NAME: &'static str;
    /// What its configuration comes to.
    type Settings: Send + Sync + 'static;

    /// Its configuration files with their keys: [`FileSpec::daemon`] of its own, and the shared ones
    /// that it reads ([`Domains::spec`], [`Mail::spec`]).
    fn files() -> Vec<FileSpec>;

    /// What its manual page says of it, besides what all daemons have alike.
    fn manual() -> Manual;

    /// Makes settings of a configuration whose types and limits were checked. Runs at the start,
    /// while a daemon started by root still may read what only root may (certificates' keys); at each
    /// reload; and for `dovetail config check`. It must not change anything.
    ///
    /// # Errors
    /// Everything that is wrong with the combination of values.
    fn settings(config: &Config) -> Result<Self::Settings, Vec<Problem>>;

    /// The folders on whose file systems mail comes to lie, or what it needs on its way: the check
    /// `disk` of `/v1/health` watches them.
    #[must_use]
    fn folders(_settings: &Self::Settings) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Users of the design who come to a listener that could be misused by whoever reaches it. A listener
    /// without `peers` admits them alone, as far as they exist here, and the daemon's own user. None: its
    /// mode alone says who may connect.
    #[must_use]
    fn usual_peers(_listener: &Table) -> &'static [&'static str] {
        &[]
    }

    /// Whether nothing is wrong with a listener for which the parent bound no socket, though it bound
    /// others: it belongs to what isn't installed everywhere. It is left out without a word then.
    #[must_use]
    fn may_be_missing(_listener: &Table) -> bool {
        false
    }

    /// The TCP ports, each with the key that names it, that the daemon connects to once its listeners
    /// are there; none if it needs no internet socket at all, which is then refused to it.
    fn connects(config: &Config) -> Option<Vec<(&'static str, u16)>> {
        let _ = config;
        None
    }

    /// Serves until [`Context::shutdown`]; then returns. Connections are drained afterwards.
    fn run(
        settings: Arc<Self::Settings>,
        context: Context<Self::Settings>,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}
