//! clippy reads the nearest clippy.toml instead of adding to the root's, so a row-0 crate's own file
//! must repeat the root's bans before it adds clocks, sockets and files to them.

use std::fs;
use std::path::Path;

const ROW_0: &[&str] = &["address", "authwire", "imap", "mailbox", "message", "sasl", "smtp"];
/// A pure crate's file holds at least these beside the root's lines.
const PURE: &[&str] = &[
    "std::time::SystemTime::now",
    "std::time::Instant::now",
    "std::fs::File",
    "std::net::TcpStream",
    "std::env::var",
];

/// Compares each row-0 crate's clippy.toml with the root's.
pub(crate) fn check(root: &Path) -> Result<Vec<String>, String> {
    let read =
        |path: &Path| fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()));
    let shared = read(&root.join("clippy.toml"))?;
    let mut findings = Vec::new();
    for name in ROW_0 {
        let own = match read(&root.join("crates").join(name).join("clippy.toml")) {
            Ok(text) => text,
            Err(error) => {
                findings.push(error);
                continue;
            }
        };
        let lost =
            shared.lines().filter(|line| !line.trim().is_empty() && !own.contains(line.trim()));
        findings.extend(
            lost.map(|line| format!("crates/{name}/clippy.toml: lacks the root's `{line}`")),
        );
        let missing = PURE.iter().filter(|ban| !own.contains(*ban));
        findings
            .extend(missing.map(|ban| format!("crates/{name}/clippy.toml: does not ban {ban}")));
    }
    Ok(findings)
}
