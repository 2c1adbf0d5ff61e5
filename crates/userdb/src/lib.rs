//! Users and passwords: passwd-files, static templates, password schemes, and the chains of
//! databases that answer "is this password right?" and "who is this user?".
//!
//! Blocking, and costly where a password is hashed: daemons call it on threads of its own. It
//! speaks no protocol and keeps no session. What Dovecot's passwd-file, its userdb static and its
//! password schemes do is the rule here; where this differs, the line says so.

mod asking;
pub mod directory;
mod field_template;
mod fields;
mod name;
mod nets;
mod owner;
pub mod passwd_file;
pub mod scheme;
mod template;

pub use asking::{Asking, Secured};
pub use directory::Directory;
pub use field_template::{FieldTemplates, OwnerError};
pub use fields::{Field, Fields};
pub use name::{DEFAULT_USERNAME_CHARS, Name, NameError, NameRules};
pub use nets::Nets;
pub use owner::{Owners, SystemOwners};
pub use template::{MAX_WIDTH, PathError, Template, TemplateError, Values};
