//! `dovetail units sync` over a folder that stands for a system, asked of a canned authd; and what
//! `config check` says of the same userdb.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

/// A user's line, behind the name.
type Users = Vec<(&'static str, &'static str)>;

struct Stage {
    folder: tempfile::TempDir,
    users: Arc<Mutex<Users>>,
}

impl Stage {
    fn new(users: Users) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stage = Self { folder, users: Arc::new(Mutex::new(users)) };
        for made in ["root/etc/dovetail", "root/var"] {
            fs::create_dir_all(stage.at(made)).unwrap();
        }
        stage.write("root/etc/passwd", "vmail:x:5000:5000::/:/x\nann:x:1001:1001::/:/x\n");
        stage.write("root/etc/group", "vmail:x:5000:\nann:x:1001:\nmail:x:8:\n");
        stage.write("root/etc/dovetail/domains.toml", "");
        let socket = stage.at("userdb");
        let lmtpd = format!("auth_userdb = \"{}\"\nfront = 5000\n", socket.display());
        stage.write("root/etc/dovetail/lmtpd.toml", &lmtpd);
        stage.write("root/etc/dovetail/mail.toml", "mail_roots = [\"/srv/mail\", \"/home\"]\n");
        let listener = UnixListener::bind(socket).unwrap();
        let known = Arc::clone(&stage.users);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let known = Arc::clone(&known);
                std::thread::spawn(move || answer(&stream, &known));
            }
        });
        stage
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }

    fn dovetail(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_dovetail")).args(arguments).output().unwrap()
    }

    fn sync(&self, more: &[&str]) -> String {
        let root = self.at("root").display().to_string();
        let output = self.dovetail(&[&["units", "sync", "--root", &root], more].concat());
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{complaint}");
        String::from_utf8(output.stdout).unwrap().replace(&root, "")
    }

    fn links(&self, target: &str) -> Vec<String> {
        let folder = self.at(&format!("root/etc/systemd/system/{target}.wants"));
        let entries = fs::read_dir(folder).into_iter().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn answer(mut stream: &UnixStream, users: &Mutex<Users>) -> Option<()> {
    stream.write_all(b"VERSION\t1\t1\nSPID\t1\n").ok()?;
    for line in BufReader::new(stream).lines() {
        let line = line.ok()?;
        let fields: Vec<&str> = line.split('\t').collect();
        let users = users.lock().unwrap().clone();
        let mut reply = String::new();
        match fields[0] {
            "LIST" => {
                for (name, _) in &users {
                    reply.push_str(&format!("LIST\t{}\t{name}\n", fields[1]));
                }
                reply.push_str(&format!("DONE\t{}\n", fields[1]));
            }
            "USER" => {
                let (name, rest) = users.iter().find(|(name, _)| *name == fields[2])?;
                reply = match *rest {
                    "fail" => format!("FAIL\t{}\n", fields[1]),
                    rest => format!("USER\t{}\t{name}\t{}\n", fields[1], rest.replace(' ', "\t")),
                };
            }
            _ => {}
        }
        stream.write_all(reply.as_bytes()).ok()?;
    }
    Some(())
}

fn people() -> Users {
    vec![
        ("own@x.test", "uid=5000 gid=5000 home=/srv/mail/own"),
        ("ann@x.test", "uid=1001 gid=1001 home=/home/ann"),
        ("bob@x.test", "uid=54321 gid=54321 home=/srv/mail/bob"),
        ("cat@x.test", "uid=54322 gid=8 home=/home/cat"),
        ("out@x.test", "uid=5000 gid=5000 home=/opt/out"),
        ("root@x.test", "uid=0 gid=0 home=/root"),
        ("www@x.test", "uid=99 gid=99 home=/srv/mail/www"),
    ]
}

fn files_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let facts = fs::symlink_metadata(&path).unwrap();
            if facts.is_dir() {
                folders.push(path);
            } else if facts.is_file() {
                // shadow and its like are nobody's to read.
                let content = fs::read(&path).unwrap_or_default();
                found.push((path, content));
            } else {
                found.push((path, Vec::new()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_system_is_synced_once() {
    let stage = Stage::new(people());
    let before = files_below(&stage.at("root"));
    let would = stage.sync(&["--dry-run"]);
    assert_eq!(files_below(&stage.at("root")), before, "a dry run changes nothing");
    let done = stage.sync(&[]);
    let want = "\
        wrote /etc/sysusers.d/dovetail-uids.conf\n\
        wrote /etc/systemd/system/dovetail-lmtpd.service.d/50-dovetail-mail-roots.conf\n\
        wrote /etc/systemd/system/dovetail-lmtpd@.service.d/50-dovetail-mail-roots.conf\n\
        wrote /etc/systemd/system/dovetail-imapd.service.d/50-dovetail-mail-roots.conf\n\
        made user dvmail-54321\n\
        made user dvmail-54322\n\
        enabled dovetail-lmtpd@1001.socket\n\
        enabled dovetail-lmtpd@54321.socket\n\
        enabled dovetail-lmtpd@54322.socket\n";
    assert!(done.starts_with(want), "{done}");
    for note in [
        "note: no mail for out@x.test: /opt/out/Maildir or the user's home is outside mail_roots\n",
        "note: no mail for root@x.test: the userdb says gid=0",
        "note: no mail for www@x.test: the userdb says uid=99, which is below minimum_uid = 100\n",
        "note: takes effect with: systemctl try-restart dovetail-lmtpd",
    ] {
        assert!(done.contains(note), "{note}: {done}");
    }
    let changes = |text: &str| text.lines().filter(|line| !line.starts_with("note")).count();
    assert_eq!(changes(&would), changes(&done));
    assert!(would.starts_with("would write /etc/sysusers.d/"), "{would}");

    let passwd = stage.read("root/etc/passwd");
    assert!(passwd.contains("dvmail-54321:x:54321:54321:"), "{passwd}");
    assert!(passwd.contains("dvmail-54322:x:54322:8:"), "{passwd}");
    assert!(!passwd.contains("1001:1001:Dovetail"), "ann has a name: {passwd}");
    assert_eq!(stage.read("root/var/lib/dovetail/users-made"), "dvmail-54321\ndvmail-54322\n");
    let dropin = "root/etc/systemd/system/dovetail-lmtpd@.service.d/50-dovetail-mail-roots.conf";
    let text = stage.read(dropin);
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "[Service]",
            "ProtectHome=tmpfs",
            "ReadWritePaths=-/srv/mail",
            "BindPaths=-/home/ann",
            "BindPaths=-/home/cat",
        ]
    );
    let sockets = [
        "dovetail-lmtpd@1001.socket",
        "dovetail-lmtpd@54321.socket",
        "dovetail-lmtpd@54322.socket",
    ];
    assert_eq!(stage.links("sockets.target"), sockets);
    assert_eq!(stage.links("dovetail.target"), sockets);

    let after = files_below(&stage.at("root"));
    let again = stage.sync(&[]);
    assert!(again.contains("nothing to change\n"), "{again}");
    assert_eq!(files_below(&stage.at("root")), after);
}

#[test]
fn uids_that_are_gone_are_disabled_unless_kept() {
    let stage = Stage::new(people());
    stage.sync(&[]);
    let all = stage.users.lock().unwrap().clone();
    let without_bob: Users =
        all.iter().filter(|(name, _)| *name != "bob@x.test").copied().collect();
    *stage.users.lock().unwrap() = Vec::new();
    let none = stage.sync(&[]);
    assert!(none.contains("left enabled (the userdb has no users at all)"), "{none}");
    assert_eq!(stage.links("sockets.target").len(), 3);
    *stage.users.lock().unwrap() = without_bob;
    let kept = stage.sync(&["--keep"]);
    assert!(kept.contains("left enabled (--keep): dovetail-lmtpd@54321.socket"), "{kept}");
    let gone = stage.sync(&[]);
    let line = "disabled dovetail-lmtpd@54321.socket: no user has uid 54321 any more\n";
    assert!(gone.contains(line), "{gone}");
    assert_eq!(stage.links("dovetail.target").len(), 2);
    assert_eq!(stage.links("sockets.target").len(), 2);
    assert!(!stage.read("root/etc/sysusers.d/dovetail-uids.conf").contains("54321"));
}

#[test]
fn while_authd_cannot_tell_nothing_is_changed() {
    let stage = Stage::new(people());
    stage.users.lock().unwrap().push(("dan@x.test", "fail"));
    let before = files_below(&stage.at("root"));
    let root = stage.at("root").display().to_string();
    let output = stage.dovetail(&["units", "sync", "--root", &root]);
    assert_eq!(output.status.code(), Some(75), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(files_below(&stage.at("root")), before);
}

#[test]
fn certificates_sources_are_watched() {
    let stage = Stage::new(people());
    let tls = "[copy.mx]\ncertificate = \"/etc/letsencrypt/live/mx/fullchain.pem\"\n\
               key = \"/etc/letsencrypt/live/mx/privkey.pem\"\ndaemons = [\"smtpd\"]\n";
    stage.write("root/etc/dovetail/tls.toml", tls);
    stage.sync(&[]);
    let text = stage.read("root/etc/systemd/system/dovetail-tls.path.d/50-dovetail-sources.conf");
    assert!(text.contains("[Path]\nPathChanged=/etc/letsencrypt/live/mx\n"), "{text}");
    assert!(text.ends_with("PathChanged=/etc/letsencrypt/live/mx/privkey.pem\n"), "{text}");
    fs::remove_file(stage.at("root/etc/dovetail/tls.toml")).unwrap();
    let done = stage.sync(&[]);
    assert!(done.starts_with("removed /etc/systemd/system/dovetail-tls.path.d/"), "{done}");
}

#[test]
fn config_check_names_who_gets_no_mail() {
    let stage = Stage::new(people());
    let config = stage.at("root/etc/dovetail").display().to_string();
    let lmtpd = stage.read("root/etc/dovetail/lmtpd.toml");
    let instances = format!("instances = \"{}\"\n", stage.at("i-%i").display());
    stage.write("root/etc/dovetail/lmtpd.toml", &format!("{lmtpd}{instances}"));
    let own = format!("{lmtpd}{instances}work_limit = \"51s\"\n");
    stage.write("root/etc/dovetail/lmtpd@1001.toml", &own);
    let _there = UnixListener::bind(stage.at("i-1001")).unwrap();
    let output = stage.dovetail(&["config", "check", "--config", &config]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(78), "{said}");
    for want in [
        "no mail for out@x.test: /opt/out/Maildir or the user's home is outside mail_roots",
        "no mail for www@x.test: the userdb says uid=99",
        "lmtpd@1001.toml:4:14: `work_limit`: must not be longer than that of lmtpd.toml, which is 50s",
        "lmtpd.toml:3:13: `instances`: users of uid 54321 get no mail: no lmtpd listens for it; `dovetail \
         units sync` enables dovetail-lmtpd@54321.socket",
    ] {
        assert!(said.contains(want), "{want}: {said}");
    }
    assert!(!said.contains("uid 1001 "), "{said}");
}
