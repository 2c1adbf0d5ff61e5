//! The commands that other programs of a machine expect of its MTA: `sendmail`, `mailq`, `newaliases`,
//! `postmap`, `postalias`.
//!
//! One program, which acts by the name that it was called by. Options, and the message on its way to
//! smtpd, are pure; sockets, files and standard input are thin above. It knows no queue and no mailbox: a
//! message is smtpd's once that has said 250. Ruled by Postfix's sendmail(1), postmap(1), postqueue(1).

pub mod exit;
pub mod getopt;
pub mod sendmail;
