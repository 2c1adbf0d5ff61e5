//! Manual pages: of configuration files, made of their keys' definitions; of daemons, made of what each
//! says of itself and of what all have alike.
//!
//! Pure: text out, nothing read or written. The operator's command, whose own pages are made of its
//! command line, writes all of them. man(7) and groff_char(7) rule the text.

mod file;
mod program;
mod roff;
mod text;
mod values;

pub use file::{file_page, file_page_name};
pub use program::{Manual, ManualSocket, daemon_page};
pub use roff::{Page, Roff};
pub use text::Span;

#[cfg(test)]
mod tests;
