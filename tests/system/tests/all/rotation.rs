//! logrotate itself, by the file that we ship, over every daemon's files while mail goes through: no
//! line is lost, none is doubled, none is torn.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::unistd::{chown, geteuid};
use support::tools::{need, run};
use support::{Demo, Line, Sink, eventually};

use crate::logs::{DAEMONS, configured};
use crate::mail::{message, send, token};

const ALICE: &str = "alice@example.test";
const BOB: &str = "bob@example.test";
const FAR: &str = "far@remote.test";
const ROTATIONS: usize = 20;
/// Whom a demo started by root runs as.
const NOBODY: u32 = 65534;

/// The log folders, pid files, and logrotate's configuration and state.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("dvrot").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let place = Self(folder);
        for daemon in DAEMONS {
            // As a unit's LogsDirectory= and RuntimeDirectory= make them.
            for own in [place.logs(daemon), place.path(&format!("run/dovetail-{daemon}"))] {
                fs::create_dir_all(&own).unwrap();
                fs::set_permissions(&own, fs::Permissions::from_mode(0o750)).unwrap();
                if geteuid().is_root() {
                    chown(&own, Some(NOBODY.into()), Some(NOBODY.into())).unwrap();
                }
            }
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn logs(&self, daemon: &str) -> PathBuf {
        self.path("log").join(daemon)
    }

    fn current(&self, daemon: &str) -> PathBuf {
        self.logs(daemon).join(format!("{daemon}.log"))
    }

    /// What stands in the daemon's file for this.
    fn keys(&self, daemon: &str) -> String {
        format!("to = \"file\"\nfile = \"{}\"\n", self.current(daemon).display())
    }

    /// The shipped file with these places, this machine's users, and as on a machine without systemd.
    fn configure(&self) -> PathBuf {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/logrotate.d/dovetail");
        let text = fs::read_to_string(shipped).unwrap();
        let root = self.0.path().display();
        let mut text = text
            .replace("/var/log/dovetail/", &format!("{root}/log/"))
            .replace("/run/dovetail-", &format!("{root}/run/dovetail-"))
            .replace("/run/systemd/system", "/nonexistent");
        for user in ["doveauth", "dvsmtpd", "dvqueue", "dvrelay", "vmail"] {
            let (su, create) = (format!("su {user} {user}"), format!("0640 {user} {user}"));
            assert!(text.contains(&su) && text.contains(&create), "{user}: {text}");
            // Only root may become somebody else.
            let nobody = if geteuid().is_root() { "su nobody nogroup" } else { "" };
            text = text.replace(&su, nobody).replace(&create, "0640");
        }
        let path = self.path("logrotate.conf");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }

    /// Every line of a daemon, of all its files, the oldest first.
    fn lines(&self, daemon: &str) -> Vec<String> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(self.logs(daemon)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let rest = name.strip_prefix(&format!("{daemon}.log")).unwrap();
            let number = rest.trim_start_matches('.').trim_end_matches(".gz");
            let age: usize = if number.is_empty() { 0 } else { number.parse().unwrap() };
            let text = match name.ends_with(".gz") {
                true => run(Command::new("gzip").arg("-dc").arg(&path)),
                false => fs::read_to_string(&path).unwrap(),
            };
            files.insert(age, text);
        }
        assert!(files.len() > 2, "{daemon} has {:?}", files.keys());
        files.values().rev().flat_map(|text| text.lines()).map(str::to_owned).collect()
    }
}

/// What was done, and so must stand in the logs: ids of messages by the way they went.
#[derive(Default)]
struct Ledger {
    straight: Vec<String>,
    queued: Vec<String>,
    sessions: usize,
}

fn id_of(reply: &str) -> String {
    assert!(reply.starts_with("250 2.0.0 "), "{reply}");
    let is_id = |word: &&str| word.len() == 20 && word.chars().all(|c| c.is_ascii_alphanumeric());
    reply.split(' ').find(is_id).unwrap_or_else(|| panic!("no id in {reply}")).to_owned()
}

/// Mail in, mail out and logins until told to stop.
fn load(demo: &Demo, stop: &AtomicBool) -> Ledger {
    let go_on = || !stop.load(Ordering::Relaxed);
    let straight = || {
        let mut ids = Vec::new();
        while go_on() {
            let text = message("a@remote.test", BOB, &token("rotate"));
            ids.push(id_of(&send(&mut demo.smtp(), "a@remote.test", &[BOB], &text)));
        }
        ids
    };
    let queued = || {
        let mut ids = Vec::new();
        while go_on() {
            let text = message(ALICE, BOB, &token("rotate"));
            let mut line: Line = demo.submission(ALICE);
            ids.push(id_of(&send(&mut line, ALICE, &[BOB, FAR], &text)));
        }
        ids
    };
    let sessions = || {
        let mut count = 0;
        while go_on() {
            demo.imap(ALICE).imap("z LOGOUT", "OK");
            count += 1;
        }
        count
    };
    std::thread::scope(|scope| {
        let (straight, queued) = (scope.spawn(straight), scope.spawn(queued));
        let sessions = sessions();
        Ledger { straight: straight.join().unwrap(), queued: queued.join().unwrap(), sessions }
    })
}

fn rotate(place: &Place, configuration: &Path) {
    // Each file has a line, or it wouldn't be rotated; and each daemon has left the renamed one.
    for daemon in DAEMONS {
        eventually(&format!("{daemon} to log into its new file"), || {
            (fs::metadata(place.current(daemon)).ok()?.len() > 0).then_some(())
        });
    }
    let mut command = Command::new("/usr/sbin/logrotate");
    command.arg("--force").arg("--state").arg(place.path("state")).arg(configuration);
    let said = run(&mut command);
    assert_eq!(said, "");
}

#[test]
fn no_line_is_lost_while_logrotate_works() {
    need("/usr/sbin/logrotate", "logrotate");
    let (sink, place) = (Sink::start(), Place::new());
    let pid_file = |daemon: &str| {
        let path = place.path(&format!("run/dovetail-{daemon}/{daemon}.pid"));
        format!("pid_file = \"{}\"\n", path.display())
    };
    let options = configured(&sink, pid_file, |daemon| place.keys(daemon));
    let demo = options.start();
    let configuration = place.configure();
    let stop = AtomicBool::new(false);
    let ledger = std::thread::scope(|scope| {
        let load = scope.spawn(|| load(&demo, &stop));
        for _ in 0..ROTATIONS {
            rotate(&place, &configuration);
        }
        stop.store(true, Ordering::Relaxed);
        load.join().unwrap()
    });
    let taken = || Some(()).filter(|()| sink.taken().len() == ledger.queued.len());
    eventually("the last message to be relayed", taken);
    for daemon in DAEMONS {
        let file = fs::metadata(place.current(daemon)).unwrap();
        assert_eq!(file.mode() & 0o777, 0o640, "{daemon}");
        let owner = if geteuid().is_root() { NOBODY } else { geteuid().as_raw() };
        assert_eq!(file.uid(), owner, "{daemon}");
    }
    demo.stop();
    audit(&place, &ledger);
}

/// Each thing that was done has its lines once.
fn audit(place: &Place, ledger: &Ledger) {
    let logs: BTreeMap<&str, Vec<String>> =
        DAEMONS.into_iter().map(|daemon| (daemon, place.lines(daemon))).collect();
    for (daemon, lines) in &logs {
        for line in lines {
            let (time, rest) = line.split_once(' ').unwrap_or(("", ""));
            assert!(time.len() == 29 && rest.starts_with(&format!("{daemon}[")), "torn: {line}");
            assert!(!line.contains("log lines were lost"), "{line}");
        }
        let times: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
        assert!(times.len() > ROTATIONS, "{daemon}: {lines:?}");
    }
    let count = |daemon: &str, words: &[&str]| {
        let all = |line: &&String| words.iter().all(|word| line.contains(word));
        logs[daemon].iter().filter(all).count()
    };
    let (bob, far) = (format!("to=<{BOB}>"), format!("to=<{FAR}>"));
    for id in &ledger.straight {
        let id = format!(" id={id} ");
        assert_eq!(count("smtpd", &[&id, &bob, "status=sent"]), 1, "{id}");
        assert_eq!(count("lmtpd", &[&id, &bob, "status=sent"]), 1, "{id}");
    }
    for id in &ledger.queued {
        let id = format!(" id={id} ");
        assert_eq!(count("qmgrd", &[&id, "info: queued "]), 1, "{id}");
        for to in [&bob, &far] {
            assert_eq!(count("smtpd", &[&id, to, "status=queued"]), 1, "{id} {to}");
            assert_eq!(count("qmgrd", &[&id, to, "status=sent"]), 1, "{id} {to}");
        }
        assert_eq!(count("lmtpd", &[&id, &bob, "status=sent"]), 1, "{id}");
        assert_eq!(count("relayd", &[&id, &far, "status=sent"]), 1, "{id}");
    }
    let sessions = ledger.sessions;
    assert_eq!(count("imapd", &["info: logged in "]), sessions);
    assert_eq!(count("imapd", &["info: Logged out "]), sessions);
    assert_eq!(count("authd", &["service=imap", "status=accepted"]), sessions);
    assert_eq!(count("authd", &["service=smtp", "status=accepted"]), ledger.queued.len());
    for done in [ledger.straight.len(), ledger.queued.len(), sessions] {
        assert!(done >= ROTATIONS, "too little went on meanwhile: {done}");
    }
}
