//! `dovetail user`: what the userdb says of users, asked at authd as lmtpd would ask.

use auth_client::{Timeouts, User, UserClient};
use serde_json::{Value, json};

use crate::cli::{Cli, UserArguments};
use crate::exit::{EX_NOUSER, Failure};
use crate::{admin, auth, output, places};

pub(crate) fn run(arguments: &UserArguments, cli: &Cli) -> Result<(), Failure> {
    let socket = arguments.socket.clone();
    let socket = socket.unwrap_or_else(|| places::socket(cli.folder(), "authd", "userdb"));
    let (found, missing) =
        admin::block_on(look_up(arguments, UserClient::new(socket, Timeouts::default())))?;
    if cli.json {
        let users: Vec<Value> = found.iter().map(as_json).collect();
        output::print_json(&json!({ "users": users, "missing": missing }))?;
    } else {
        let texts: Vec<String> = found.iter().map(as_text).collect();
        output::print(&texts.join("\n"))?;
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(EX_NOUSER, format!("no such user: {}", missing.join(", "))))
}

async fn look_up(
    arguments: &UserArguments,
    client: UserClient,
) -> Result<(Vec<User>, Vec<String>), Failure> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for wanted in &arguments.users {
        let names = if wanted.contains(['*', '?']) {
            let all = client.list().await.map_err(auth::away)?;
            all.into_iter().filter(|name| matches(wanted, name)).collect()
        } else {
            vec![wanted.clone()]
        };
        if names.is_empty() {
            missing.push(wanted.clone());
        }
        for name in names {
            match client.user(&name, &arguments.service).await.map_err(auth::away)? {
                Some(user) => found.push(user),
                None => missing.push(name),
            }
        }
    }
    Ok((found, missing))
}

/// `*` stands for any text, `?` for one character. Goes back to the last `*` only, so that its time
/// grows with the product of the lengths at worst.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == '?' || Some(&c) == name.get(n) => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                p = at + 1;
                n = from + 1;
            }
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '*')
}

fn as_json(user: &User) -> Value {
    json!({ "user": user.name, "uid": user.uid, "gid": user.gid, "home": user.home, "fields": user.fields })
}

/// As `doveadm user` shows it.
fn as_text(user: &User) -> String {
    let mut rows = vec![vec!["user".to_owned(), user.name.clone()]];
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            rows.push(vec![key.to_owned(), value]);
        }
    };
    put("uid", user.uid.map(|uid| uid.to_string()));
    put("gid", user.gid.map(|gid| gid.to_string()));
    put("home", user.home.as_ref().map(|home| home.display().to_string()));
    for (key, value) in &user.fields {
        put(key, Some(value.clone()));
    }
    output::table(&["field", "value"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name) in
            [("*", ""), ("*@example.test", "a@example.test"), ("a?c*", "abcd"), ("*a*b", "xaybab")]
        {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("?", ""), ("*@example.org", "a@example.test"), ("a*b", "abc")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
