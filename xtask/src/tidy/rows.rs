//! The layers: an arrow between crates points down, or sideways where it is named here.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::process;

/// The only arrows within a row. docs/architecture.md says why for each.
const SIDEWAYS: &[(&str, &str)] = &[
    // row 0: the vocabulary that other protocol crates speak in
    ("smtp", "address"),
    ("message", "address"),
    ("imap", "mailbox"),
    // row 2: the connection that a listener accepted is what a session is driven over
    ("smtp-server", "daemon"),
    // row 4: the whole-system tests stand on their own support
    ("system", "support"),
    ("installed", "support"),
    ("bench", "support"),
    ("bench", "reference"),
    ("reference", "support"),
    ("differential", "support"),
    ("differential", "reference"),
];

/// What row 0 must not have: sockets, clocks, randomness, an async runtime.
const NOT_IN_ROW_0: &[&str] =
    &["tokio", "tokio-rustls", "tokio-util", "nix", "getrandom", "socket2", "hyper"];

/// One crate of ours.
pub(crate) struct Crate {
    row: Option<u64>,
    has_description: bool,
    /// Names of what it depends on, dev-dependencies left out.
    uses: Vec<String>,
}

/// The workspace's crates by name.
pub(crate) struct Workspace(BTreeMap<String, Crate>);

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load() -> Result<Self, String> {
        let out = process::output(process::cargo().args([
            "metadata",
            "--locked",
            "--no-deps",
            "--format-version",
            "1",
        ]))?;
        let metadata: Value =
            serde_json::from_slice(&out).map_err(|e| format!("cargo metadata: {e}"))?;
        let packages =
            metadata.pointer("/packages").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(Self(packages.iter().filter_map(Crate::read).collect()))
    }
}

impl Crate {
    fn read(package: &Value) -> Option<(String, Self)> {
        let name = package.get("name")?.as_str()?.to_owned();
        let row = package.pointer("/metadata/dovetail/row").and_then(Value::as_u64);
        let has_description = package.get("description").is_some_and(Value::is_string);
        let dependencies = package.get("dependencies")?.as_array()?;
        let normal = dependencies.iter().filter(|d| d.get("kind").is_none_or(Value::is_null));
        let uses = normal.filter_map(|d| Some(d.get("name")?.as_str()?.to_owned())).collect();
        Some((name, Self { row, has_description, uses }))
    }
}

/// Finds arrows that point up or sideways, and crates that don't say their row.
pub(crate) fn check(workspace: &Workspace) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, this) in &workspace.0 {
        let Some(row) = this.row else {
            findings.push(format!("{name}: no `row` in [package.metadata.dovetail]"));
            continue;
        };
        if !this.has_description {
            findings.push(format!("{name}: no description in Cargo.toml"));
        }
        for used in &this.uses {
            if row == 0 && NOT_IN_ROW_0.contains(&used.as_str()) {
                findings.push(format!("{name}: row 0 must not use {used}"));
            }
            let Some(other) = workspace.0.get(used).and_then(|c| c.row) else { continue };
            let named = SIDEWAYS.contains(&(name.as_str(), used.as_str()));
            if other > row || (other == row && !named) {
                findings.push(format!("{name} (row {row}) must not use {used} (row {other})"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(crates: &[(&str, u64, &[&str])]) -> Workspace {
        let entry = |&(name, row, uses): &(&str, u64, &[&str])| {
            let uses = uses.iter().map(|u| (*u).to_owned()).collect();
            (name.to_owned(), Crate { row: Some(row), has_description: true, uses })
        };
        Workspace(crates.iter().map(entry).collect())
    }

    #[test]
    fn down_is_good_and_up_and_sideways_are_not() {
        let good =
            workspace(&[("smtp", 0, &["address"]), ("address", 0, &[]), ("spool", 1, &["smtp"])]);
        assert!(check(&good).is_empty());
        let bad = workspace(&[
            ("imap", 0, &["store", "sasl", "tokio"]),
            ("sasl", 0, &[]),
            ("store", 1, &[]),
        ]);
        assert_eq!(check(&bad).len(), 3);
    }
}
