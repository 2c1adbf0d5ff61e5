//! Dovecot's passwd-file: `user:password:uid:gid:gecos:home:shell:extra fields`.
//!
//! [`Table::parse`] reads a file's bytes; [`PasswdFile`] finds the file for a user, keeps what it
//! read and reads it again when it changed.

mod file;
mod parse;

pub use file::{FileError, MAX_FILE_OCTETS, PasswdFile};
pub use parse::{Entry, Problem, Table};
