//! `dovetail kick`: ends sessions, each in its protocol's words. What a client was told, or is owed,
//! it keeps.

use std::net::IpAddr;

use daemon::Method;
use serde_json::{Value, json};

use crate::cli::{Cli, KickArguments};
use crate::exit::{EX_NOUSER, EX_TEMPFAIL, Failure};
use crate::{admin, output, places, who};

/// Whom the operator means.
#[derive(Debug, PartialEq, Eq)]
enum Target<'a> {
    /// `smtpd:17`, `smtpd@mx:17`.
    Session(&'a str, u64),
    Address(IpAddr),
    User(&'a str),
}

impl<'a> Target<'a> {
    fn of(text: &'a str) -> Self {
        if let Ok(address) = text.trim_matches(['[', ']']).parse() {
            return Self::Address(address);
        }
        match text.rsplit_once(':').map(|(name, id)| (name, id.parse())) {
            Some((name, Ok(id))) if places::DAEMONS.contains(&places::base_of(name)) => {
                Self::Session(name, id)
            }
            _ => Self::User(text),
        }
    }

    fn is_for(&self, daemon: &str) -> bool {
        !matches!(self, Self::Session(name, _) if *name != daemon)
    }

    fn request(&self) -> (Method, String, Option<Value>) {
        let kick = || "/v1/sessions/kick".to_owned();
        match self {
            Self::Session(_, id) => (Method::DELETE, format!("/v1/sessions/{id}"), None),
            Self::Address(address) => {
                (Method::POST, kick(), Some(json!({ "address": address.to_string() })))
            }
            Self::User(user) => (Method::POST, kick(), Some(json!({ "user": user }))),
        }
    }
}

pub(crate) fn run(arguments: &KickArguments, cli: &Cli) -> Result<(), Failure> {
    let folder = cli.folder();
    let (mut kicked, mut away, mut nobody) = (Vec::new(), Vec::new(), Vec::new());
    for text in &arguments.targets {
        let (target, before) = (Target::of(text), kicked.len());
        let daemons = places::configured(folder).into_iter().filter(|name| target.is_for(name));
        for name in daemons {
            let socket = places::socket(folder, &name, "admin");
            let (method, path, body) = target.request();
            match admin::block_on(admin::ask(&socket, method, &path, body.as_ref())) {
                Ok(mut answer) => {
                    let found = answer.get_mut("kicked").map(Value::take);
                    let found = found.and_then(|found| found.as_array().cloned());
                    let found = found.unwrap_or_default().into_iter();
                    kicked.extend(found.map(|session| (name.clone(), session)));
                }
                Err(failure) if failure.code == EX_NOUSER => {}
                Err(failure) => away.push(format!("{name}: {}", failure.message)),
            }
        }
        if kicked.len() == before {
            nobody.push(text.as_str());
        }
    }
    tell(cli, &kicked)?;
    away.dedup();
    match (away.is_empty(), nobody.is_empty()) {
        (false, _) => Err(Failure::new(EX_TEMPFAIL, away.join("\ndovetail: "))),
        (true, false) => {
            Err(Failure::new(EX_NOUSER, format!("no session of {}", nobody.join(", "))))
        }
        (true, true) => Ok(()),
    }
}

fn tell(cli: &Cli, kicked: &[(String, Value)]) -> Result<(), Failure> {
    if cli.json {
        let shown: Vec<Value> =
            kicked.iter().map(|(name, session)| who::named(name, session)).collect();
        return output::print_json(&json!({ "kicked": shown }));
    }
    let line = |(name, session): &(String, Value)| {
        let cells = who::row(name, session);
        format!("kicked {}\n", cells.iter().take(4).cloned().collect::<Vec<_>>().join(" "))
    };
    output::print(&kicked.iter().map(line).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_a_word_means() {
        assert_eq!(Target::of("smtpd:17"), Target::Session("smtpd", 17));
        assert_eq!(Target::of("smtpd@mx:1"), Target::Session("smtpd@mx", 1));
        assert_eq!(Target::of("alice@example.test"), Target::User("alice@example.test"));
        assert_eq!(Target::of("alice:17"), Target::User("alice:17"));
        let address = |text: &str| Target::Address(text.parse().unwrap());
        assert_eq!(Target::of("::1"), address("::1"));
        assert_eq!(Target::of("[2001:db8::1]"), address("2001:db8::1"));
        assert_eq!(Target::of("192.0.2.1"), address("192.0.2.1"));
        assert!(Target::of("alice").is_for("imapd") && !Target::of("smtpd:1").is_for("smtpd@mx"));
    }
}
