//! Nothing is left out: every key, command, option and daemon is in a page, and every page that is named
//! somewhere exists.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Command;
use daemon::{Key, Kind};

use super::*;

/// A page as a reader sees its words: escapes undone.
fn read(name: &str) -> String {
    let pages = pages();
    let page = pages.iter().find(|page| page.file_name() == name);
    let text = &page.unwrap_or_else(|| panic!("there is no {name}")).text;
    let escapes = [
        ("\\fB", ""),
        ("\\fI", ""),
        ("\\fR", ""),
        ("\\:", ""),
        ("\\-", "-"),
        ("\\(rs", "\\"),
        ("\\(aq", "'"),
        ("\\(dq", "\""),
        ("\\(ti", "~"),
        ("\\(ha", "^"),
        ("\\&", ""),
    ];
    let text =
        escapes.iter().fold(text.clone(), |text, (escape, plain)| text.replace(escape, plain));
    // Characters beyond ASCII.
    let mut pieces = text.split("\\[u");
    let mut read = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let (number, rest) = piece.split_once(']').unwrap();
        read.push(char::from_u32(u32::from_str_radix(number, 16).unwrap()).unwrap());
        read.push_str(rest);
    }
    read
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

#[test]
fn every_key_of_every_file_is_in_its_page() {
    for spec in files::specs() {
        let text = read(&format!("dovetail-{}.toml.5", spec.name));
        keys(&text, &spec.keys, "");
    }
}

/// Each key has an entry with its default, its paragraph, and whether a change needs a restart.
fn keys(text: &str, keys_: &[Key], path: &str) {
    for key in keys_ {
        let doc: String = key.doc.replace('`', "").replace('…', "...");
        assert!(text.contains(&doc), "{path}{}: {doc}", key.name);
        match key.kind {
            Kind::Table(inner) => {
                assert!(text.contains(&format!(".SS \"[{path}{}]\"\n", key.name)), "{}", key.name);
                keys(text, inner, &format!("{path}{}.", key.name));
            }
            Kind::Tables(inner) => {
                assert!(
                    text.contains(&format!(".SS \"[{path}{}.NAME]\"\n", key.name)),
                    "{}",
                    key.name
                );
                keys(text, inner, &format!("{path}{}.NAME.", key.name));
            }
            Kind::Map(_) => assert!(text.contains(&format!(".SS \"[{path}{}]\"\n", key.name))),
            _ => {
                let state = match key.default {
                    Some(default) => format!("default: {default}"),
                    None => (if key.required { "must be set" } else { "not set" }).to_owned(),
                };
                let tag = format!(".TP\n{} ({state})\n{}", key.name, doc);
                let after = text.split(&tag).nth(1).unwrap_or_else(|| panic!("{tag}"));
                let kind = after.lines().nth(2).unwrap();
                assert!(after.lines().nth(1) == Some(".IP") && kind.ends_with('.'), "{tag}{after}");
                assert_eq!(
                    kind.ends_with("A change needs a restart."),
                    key.restart,
                    "{tag}\n{kind}"
                );
            }
        }
    }
}

#[test]
fn every_command_and_its_options_are_in_a_page() {
    let mut cli = Cli::command();
    cli.build();
    let overview = read("dovetail.1");
    for command in cli.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = command.get_name();
        assert!(overview.contains(&format!(".TP\ndovetail-{name}(1)\n")), "{name}");
        let text = read(&format!("dovetail-{name}.1"));
        assert!(text.contains(&format!("\ndovetail-{name} - ")), "{name}");
        options(&text, command, &format!("dovetail {name}"));
    }
    for global in ["--config DIR", "--json", "-h, --help", "-V, --version"] {
        assert!(overview.contains(&format!(".TP\n{global}\n")), "{global}");
    }
    let hidden = cli.get_subcommands().filter(|command| command.is_hide_set());
    for hidden in hidden.map(Command::get_name) {
        assert!(!pages().iter().any(|page| page.name == format!("dovetail-{hidden}")), "{hidden}");
    }
}

fn options(text: &str, command: &Command, path: &str) {
    let own = command.get_arguments().filter(|arg| !arg.is_global_set());
    for arg in own.filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version")) {
        let long = arg.get_long().map(|word| format!("--{word}"));
        let name = long.or_else(|| arg.get_value_names().map(|names| names[0].to_string()));
        let name = name.unwrap_or_else(|| arg.get_id().as_str().to_uppercase());
        let has_entry =
            |line: &str| line.split(", ").any(|one| one.trim_start().starts_with(&name));
        let mut tags = text.split(".TP\n").skip(1).filter_map(|entry| entry.lines().next());
        assert!(tags.any(has_entry), "{path}: {name} is not in\n{text}");
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default().replace('`', "");
        let help = help.replace('…', "...");
        let help = help.split(" [default:").next().unwrap();
        assert!(help.starts_with("[default:") || text.contains(help), "{path} {name}: {help}");
    }
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let path = format!("{path} {}", sub.get_name());
        assert!(text.contains(&format!(".SY \"{path}\"\n")), "{path}");
        options(text, sub, &path);
    }
}

#[test]
fn every_daemon_has_a_page_with_its_sockets() {
    for daemon in KNOWN {
        let (name, text) = (daemon.name, read(&format!("dovetail-{}.8", daemon.name)));
        for section in
            ["SYNOPSIS", "OPTIONS", "SOCKETS", "SIGNALS", "FILES", "EXIT STATUS", "SEE ALSO"]
        {
            assert!(text.contains(&format!(".SH \"{section}\"\n")), "{name}: {section}");
        }
        for word in
            ["--config DIR", "--instance X", "SIGHUP", "SIGUSR1", "78", "dovetail config check"]
        {
            assert!(text.contains(word), "{name}: {word}");
        }
        for spec in (daemon.files)() {
            assert!(
                text.contains(&format!("dovetail-{}.toml(5)", spec.name)),
                "{name}: {}",
                spec.name
            );
        }
    }
}

#[test]
fn pages_say_what_the_units_do() {
    for entry in std::fs::read_dir(repository().join("systemd")).unwrap() {
        let entry = entry.unwrap();
        let unit = entry.file_name().into_string().unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
        let Some(documentation) = value("Documentation=") else {
            assert_eq!(unit, "README.md");
            continue;
        };
        for page in documentation.split_whitespace() {
            let page = page.strip_prefix("man:").unwrap().replace('(', ".");
            read(page.trim_end_matches(')'));
        }
        let plain = !unit.contains('@');
        if let Some(place) = value("ListenStream=").filter(|_| plain) {
            let daemon = value("Service=dovetail-").unwrap().trim_end_matches(".service");
            let place =
                if place.starts_with('/') { place.to_owned() } else { format!("port {place}") };
            let listener = value("FileDescriptorName=").unwrap();
            let page = read(&format!("dovetail-{daemon}.8"));
            let entry = page.split(&format!(".TP\n{listener}: {place}\n")).nth(1);
            let entry = entry.unwrap_or_else(|| panic!("{unit}: {listener}: {place}"));
            assert!(entry.lines().take(3).any(|line| line == format!("Unit: {unit}.")), "{unit}");
        }
        if unit.ends_with(".service")
            && plain
            && let Some(daemon) = value("ExecStart=/usr/libexec/dovetail/")
        {
            let user = value("User=").unwrap();
            assert!(
                read(&format!("dovetail-{daemon}.8")).contains(&format!("as the user {user}.")),
                "{unit}"
            );
        }
    }
}

#[test]
fn every_page_that_is_named_exists() {
    let pages = pages();
    let names: BTreeSet<String> = pages.iter().map(daemon::Page::file_name).collect();
    assert_eq!(names.len(), pages.len());
    let mut named = 0;
    for page in &names {
        let text = read(page);
        for (at, _) in text.match_indices("dovetail-") {
            let word: String = text[at..].chars().take_while(|c| !c.is_whitespace()).collect();
            let Some((name, rest)) = word.split_once('(') else { continue };
            if let Some(section) = rest.chars().next().filter(char::is_ascii_digit) {
                // dovetail-NAME.toml(5): any of them.
                let is_pattern = name.contains("NAME");
                assert!(
                    is_pattern || names.contains(&format!("{name}.{section}")),
                    "{page}: {word}"
                );
                named += 1;
            }
        }
    }
    assert!(named > 100, "{named}");
}

#[test]
fn texts_are_of_commands() {
    let cli = Cli::command();
    for name in texts::names() {
        assert!(cli.find_subcommand(name).is_some(), "there is no command {name}");
    }
}
