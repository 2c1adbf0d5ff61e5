//! The asking side of the LMTP wire, and of SMTP towards other hosts: connections kept, patience, and
//! one outcome a recipient.
//!
//! [`Client`] is for the hops between daemons: a Unix socket, connections that are kept and tested by
//! use, a bound on how many there are. [`Fan`] takes one message to several of them at once. [`Connection`] and [`Transaction`] are what it is made of, over
//! any byte stream and in either protocol; relayd uses them towards the internet. Grammar and order are
//! `smtp::client`'s. Nothing here tries a message twice once its content has been begun.
//! RFC 2033, RFC 5321 §4.5.3.2 (patience), RFC 2920 (groups), RFC 3207 §6 (STARTTLS).

mod client;
mod clients;
mod connection;
mod error;
mod fan;
mod join;
mod settings;
mod transaction;
mod wire;

pub use client::{Client, Hop};
pub use clients::Clients;
pub use connection::{Connection, StartTls};
pub use error::{HopError, Outcome};
pub use fan::{Fan, FanLimits, Slot, Verdicts};
pub use settings::{Patience, Settings, Target};
pub use transaction::Transaction;
