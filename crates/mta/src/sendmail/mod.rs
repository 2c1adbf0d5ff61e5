//! `sendmail`: a message from standard input to smtpd, and what else Postfix's sendmail(1) does.
//!
//! [`options`] reads the command line, [`intake`] the message, [`compose`] puts both together to an
//! envelope and a header, [`send`] says them to smtpd. Only the last, and whoever calls them, does I/O.

pub mod compose;
pub mod header;
pub mod intake;
pub mod list;
pub mod name;
pub mod options;
