//! The page of a daemon: what it says of itself, and what all daemons have alike. Options, signals and
//! exit codes come from the tables that the code itself goes by.

use super::file::file_page_name;
use super::roff::{Page, Roff};
use super::text::Span;
use crate::arguments::{DEFAULT_FOLDER, OPTIONS};
use crate::inherit::SOCKETS_VARIABLE;
use crate::privileges::default_user;
use crate::signals::SIGNALS;
use crate::start::EXIT_CODES;
use crate::{Daemon, FileSpec};

/// What a daemon says of itself. Texts are paragraphs with `literal words` in backquotes.
#[derive(Debug, Clone, Copy)]
pub struct Manual {
    /// Half a line without a stop: `takes mail in`.
    pub summary: &'static str,
    /// What it does, in whose place it stands, whom it asks.
    pub description: &'static [&'static str],
    /// Its sockets as packages set them up, `admin` left out.
    pub sockets: &'static [ManualSocket],
    /// Its own files and folders, configuration and logs left out: path, and what it is.
    pub files: &'static [(&'static str, &'static str)],
    /// Pages besides those of its configuration: `dovetail-queue(1)`.
    pub see_also: &'static [&'static str],
}

/// A listener as packages set it up.
#[derive(Debug, Clone, Copy)]
pub struct ManualSocket {
    /// `submission` of `[listener.submission]`.
    pub listener: &'static str,
    /// A path, or a port: `port 587`.
    pub place: &'static str,
    /// The socket unit that binds it.
    pub unit: &'static str,
    /// Who comes there, and for what.
    pub what: &'static str,
}

/// The daemon's page, in section 8.
#[must_use]
pub fn daemon_page<D: Daemon>() -> Page {
    let (name, manual) = (D::NAME, D::manual());
    let mut page = Roff::new(&format!("dovetail-{name}"), 8, manual.summary);
    synopsis(&mut page, name);
    describe(&mut page, name, &manual);
    options(&mut page);
    sockets(&mut page, name, &manual);
    where_to_look(&mut page, name);
    pairs(&mut page, "SIGNALS", SIGNALS);
    files(&mut page, name, &manual, &D::files());
    environment(&mut page);
    page.section("EXIT STATUS");
    for (code, what) in EXIT_CODES {
        page.entry(&[Span::Bold(&code.to_string())], what);
    }
    let own = D::files().into_iter().map(|spec| format!("{}(5)", file_page_name(spec.name)));
    let mut all: Vec<String> = own.collect();
    all.push("dovetail(1)".to_owned());
    all.extend(manual.see_also.iter().map(|page| (*page).to_owned()));
    page.see_also(&all);
    page.finish()
}

fn synopsis(page: &mut Roff, name: &str) {
    page.section("SYNOPSIS");
    let mut rest = Vec::new();
    for option in OPTIONS.iter().filter(|option| option.value.is_some()) {
        rest.extend([Span::Plain(" ["), Span::Bold(option.long), Span::Plain(" ")]);
        rest.extend([Span::Italic(option.value.unwrap_or_default()), Span::Plain("]")]);
    }
    let (unit, program) =
        (format!("dovetail-{name}.service"), format!("/usr/libexec/dovetail/{name}"));
    page.synopsis(&[(&unit, Vec::new()), (&program, rest)]);
}

fn describe(page: &mut Roff, name: &str, manual: &Manual) {
    page.section("DESCRIPTION");
    manual.description.iter().for_each(|text| page.paragraph(text));
    page.paragraph(&format!(
        "It serves as the user `{}`. Started as root it reads what only root may, binds its sockets, and becomes \
         that user for good; it refuses to serve as root. Then it forbids itself, by Landlock and \
         seccomp, whatever its configuration doesn't name. dovetail-{name}.toml(5) has every key.",
        default_user(name)
    ));
}

fn options(page: &mut Roff) {
    page.section("OPTIONS");
    for option in OPTIONS {
        let mut tag = vec![Span::Bold(option.short), Span::Plain(", "), Span::Bold(option.long)];
        if let Some(value) = option.value {
            tag.extend([Span::Plain(" "), Span::Italic(value)]);
        }
        page.entry(&tag, option.what);
    }
}

fn sockets(page: &mut Roff, name: &str, manual: &Manual) {
    page.section("SOCKETS");
    page.paragraph(
        "Under systemd, socket units bind them. Started by hand, the daemon binds what `address` of \
         `[listener.NAME]` says.",
    );
    for socket in manual.sockets {
        listener(page, socket.listener, socket.place, socket.unit, socket.what);
    }
    listener(
        page,
        "admin",
        &format!("/run/dovetail/{name}/admin.sock"),
        &format!("dovetail-{name}-admin.socket"),
        "Operators: root and the group `dovetail-admin`, by dovetail(1) or any program that speaks HTTP. \
         `/v1/status`, `/v1/health`, `/v1/sessions` and `/metrics` are there.",
    );
}

fn listener(page: &mut Roff, name: &str, place: &str, unit: &str, what: &str) {
    page.entry(&[Span::Bold(name), Span::Plain(&format!(": {place}"))], what);
    page.further(&format!("Unit: {unit}."));
}

fn where_to_look(page: &mut Roff, name: &str) {
    page.section("WHERE TO LOOK");
    let log = "Its log, under systemd. Every line about a message has the message's trace id in the field `id`: \
               `journalctl DOVETAIL_ID=ID` shows that message's way through all daemons.";
    let lines = [
        (
            format!("systemctl status dovetail-{name}"),
            "Whether it runs, and the last lines of its log.",
        ),
        (format!("journalctl -u dovetail-{name}"), log),
        (format!("dovetail health {name}"), "Each check of what it needs, and what is wrong."),
        (format!("dovetail who {name}"), "Who is connected, from where, since when, doing what."),
        ("dovetail config check".to_owned(), "What is wrong with the configuration."),
        (
            format!("dovetail reload {name}"),
            "Has it take up its configuration, and says what needs a restart.",
        ),
        (format!("dovetail debug {name} on"), "Has it log more for ten minutes."),
        (format!("dovetail sandbox show {name}"), "Which folders and ports it may use."),
    ];
    for (command, what) in lines {
        page.entry(&[Span::Bold(&command)], what);
    }
}

fn files(page: &mut Roff, name: &str, manual: &Manual, specs: &[FileSpec]) {
    page.section("FILES");
    for spec in specs {
        let path = format!("{DEFAULT_FOLDER}/{}.toml", spec.name);
        let text = match spec.name == name {
            true => format!("Its configuration, {}(5).", file_page_name(name)),
            false => format!("What several daemons read, {}(5).", file_page_name(spec.name)),
        };
        page.entry(&[Span::Bold(&path)], &text);
    }
    for (path, what) in manual.files {
        page.entry(&[Span::Bold(path)], what);
    }
    let folder = format!("/run/dovetail/{name}/");
    page.entry(
        &[Span::Bold(&folder)],
        "Its Unix sockets. An instance has a folder of its own, NAME@X.",
    );
    let pid = format!("/run/dovetail-{name}/{name}.pid");
    page.entry(
        &[Span::Bold(&pid)],
        "Its process's number, under systemd; otherwise `pid_file` says where.",
    );
    let logs = format!("/var/log/dovetail/{name}/");
    page.entry(&[Span::Bold(&logs)], "Log files, where `[log]` names one here.");
}

fn environment(page: &mut Roff) {
    pairs(
        page,
        "ENVIRONMENT",
        &[
            (
                "LISTEN_FDS, LISTEN_FDNAMES",
                "Sockets that systemd bound, each named like its listener: sd_listen_fds(3).",
            ),
            (
                SOCKETS_VARIABLE,
                "Sockets that another parent bound, listener and descriptor: `submission=7,internal=8`.",
            ),
            (
                "NOTIFY_SOCKET, WATCHDOG_USEC",
                "Where the service manager hears of its life: sd_notify(3).",
            ),
            ("RUNTIME_DIRECTORY", "The folder for its pid file."),
        ],
    );
}

fn pairs(page: &mut Roff, heading: &str, pairs: &[(&str, &str)]) {
    page.section(heading);
    for (name, what) in pairs {
        page.entry(&[Span::Bold(name)], what);
    }
}
