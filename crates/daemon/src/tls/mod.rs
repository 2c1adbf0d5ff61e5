//! TLS as a server: certificates by name, taken up anew while they are served; clients'
//! certificates; what a connection came to.
//!
//! Files are read when the settings are made, so before privileges are dropped. From then on a
//! watcher takes a renewed pair up by itself; a pair that is broken, or that this user may
//! not read, leaves the one that is served. Nothing here knows what a connection is for.

mod certificate;
mod client;
mod error;
mod info;
mod keys;
mod names;
mod pair;
mod report;
mod server;
mod settings;
mod slot;
pub(crate) mod watch;

#[cfg(test)]
mod tests;

pub use certificate::{Certificate, judge, name_matches};
pub use error::TlsError;
pub use info::{ClientCertificate, TlsInfo};
pub(crate) use keys::TLS;
pub use pair::{MAX_CHAIN, MAX_PEM, Pair, PairFiles, key_is_open};
pub(crate) use report::report;
pub use report::{Served, certificates, describe};
pub use server::ServerTls;
pub use settings::{folders, from_table, pairs};
pub use slot::warnings;

/// Says what an operator must know of the certificates, and has them watched.
pub(crate) fn tell_and_watch() {
    for warning in warnings() {
        tracing::warn!("{warning}");
    }
    watch::start();
}

/// Makes aws-lc-rs the cryptography of this process; a second call changes nothing.
pub fn install_provider() {
    // Fails only if there is one already, which is then the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
