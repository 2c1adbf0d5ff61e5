//! The units: what they let a daemon do, that they come up, come back, and hold what they say.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use installed::{Machine, packages, root, sources};
use support::{eventually, tools};

/// A daemon, its user, and the most that `systemd-analyze security` may say of its unit.
const DAEMONS: [(&str, &str, f32); 6] = [
    ("authd", "doveauth", 0.5),
    ("smtpd", "dvsmtpd", 1.3),
    ("qmgrd", "dvqueue", 0.5),
    ("relayd", "dvrelay", 1.3),
    ("lmtpd", "vmail", 0.5),
    ("imapd", "vmail", 0.5),
];

/// Units that are no daemon's own, with their limit.
const OTHERS: [(&str, f32); 4] = [
    ("dovetail.service", 0.5),
    ("dovetail-tls.service", 1.3),
    ("dovetail-smtpd@.service", 1.3),
    ("dovetail-lmtpd@.service", 0.5),
];

#[test]
fn exposure() {
    tools::need("/usr/bin/systemd-analyze", "systemd");
    let daemons = DAEMONS.map(|(name, _, most)| (format!("dovetail-{name}.service"), most));
    let units = OTHERS.map(|(name, most)| (name.to_owned(), most));
    for (unit, most) in daemons.into_iter().chain(units) {
        // A template is judged as one of its instances.
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(unit.replace("@.", "@x."));
        std::fs::copy(sources().join("systemd").join(&unit), &file).unwrap();
        // In tenths, as it counts; the threshold is in percent of ten.
        let threshold = format!("--threshold={:.0}", most * 10.0);
        let mut command = Command::new("systemd-analyze");
        command.args(["security", "--offline=true", "--no-pager", &threshold]).arg(&file);
        let output = tools::finish(&mut command, "");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{unit} exceeds {most}:\n{said}");
    }
}

#[test]
fn every_service_that_may_is_listed_above() {
    let listed = |unit: &str| {
        let daemon = DAEMONS.iter().any(|(name, ..)| unit == format!("dovetail-{name}.service"));
        daemon || OTHERS.iter().any(|(name, _)| *name == unit)
    };
    for entry in std::fs::read_dir(sources().join("systemd")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.ends_with(".service") || listed(&name), "{name} has no limit");
    }
}

/// Where the packages and their manual pages are, nothing is wrong with any unit: no page that is
/// missing, no program, no option that systemd doesn't know.
#[test]
fn verify_is_silent() {
    packages::build();
    let machine = Machine::idle(&[]);
    machine.run(&packages::install(&packages::ALL));
    // What -postfix has: the package itself wants a Postfix.
    machine.run("dpkg-deb --extract /run/target/packages/dovetail-postfix_0.1.0-1_*.deb /");
    let listed = machine.run("cd /usr/lib/systemd/system && ls dovetail*");
    let installed: Vec<&str> = listed.lines().collect();
    for entry in std::fs::read_dir(sources().join("systemd")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == "README.md" || installed.contains(&name.as_str()),
            "{name} isn't installed"
        );
    }
    for unit in installed {
        assert_eq!(verify(&machine, unit), (true, String::new()), "{unit}");
    }
    // It does look for pages.
    machine.run("rm /usr/share/man/man8/dovetail-smtpd.8.gz");
    let (_, said) = verify(&machine, "dovetail-smtpd.service");
    assert!(said.contains("dovetail-smtpd(8)"), "{said}");
}

/// Whether `systemd-analyze verify` is content with an installed unit, and what it says.
fn verify(machine: &Machine, unit: &str) -> (bool, String) {
    // A template is verified as one of its instances.
    let instance = unit.replace("@.", "@1000.");
    let output = machine.try_run(&format!(
        "ln -sf /usr/lib/systemd/system/{unit} /tmp/{instance} && \
         systemd-analyze verify /tmp/{instance} 2>&1"
    ));
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// An operator finds a page by its name, by what it is about, and by what a unit says.
#[test]
fn manual_pages() {
    let machine = root::with_dovetail();
    for name in
        packages::ALL.iter().filter(|name| **name != "dovetail-common" && **name != "dovetail")
    {
        let pages = machine.run(&format!("man -w 8 {name} && man -w 5 {name}.toml"));
        let wanted =
            format!("/usr/share/man/man8/{name}.8.gz\n/usr/share/man/man5/{name}.toml.5.gz\n");
        assert_eq!(pages, wanted);
    }
    let page = machine.run("MANWIDTH=80 man dovetail queue");
    assert!(page.contains("dovetail queue flush [ID]"), "{page}");
    let help = machine.run("MANWIDTH=80 systemctl help dovetail-tls.service | cat");
    assert!(help.contains("DOVETAIL-TLS.TOML(5)") && help.contains("DOVETAIL-TLS(1)"), "{help}");
    machine.run("mandb --quiet");
    let found = machine.run("apropos --long 'password is right'");
    assert!(found.starts_with("dovetail-authd (8)   - says who a user is"), "{found}");
}

#[test]
fn all_daemons_come_up_as_their_own_users() {
    let machine = root::with_dovetail();
    // Nothing runs, and nothing listens, before it is asked to.
    assert_eq!(machine.run("systemctl list-units --plain --no-legend 'dovetail*'"), "");
    machine.run("systemctl start dovetail.target");
    for (name, user, _) in DAEMONS {
        assert_eq!(machine.show(&format!("dovetail-{name}"), "ActiveState"), "active", "{name}");
        check_process(&machine, name, user);
    }
    for (pid, status) in machine.processes() {
        let name = status.words("Name").concat();
        let ours = DAEMONS.iter().any(|(daemon, ..)| name.starts_with(daemon));
        assert!(!ours || !status.may_change_uid(), "{name} ({pid}) could become somebody else");
    }
    check_sockets(&machine);
    // The operator sees them all.
    let status = machine.run("dovetail --json status");
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert!(!status.to_string().contains("away"), "{status}");
    assert_eq!(machine.run("systemctl list-units --plain --no-legend --failed"), "");
}

/// Own user, the listed groups, no capability, no way to get one.
fn check_process(machine: &Machine, name: &str, user: &str) {
    let pid = machine.main_process(&format!("dovetail-{name}")).expect(name);
    let status = installed::process::Status::of(pid).unwrap();
    let ids = |what: &str| machine.run(&format!("getent {what}")).trim().to_owned();
    let number = |line: String| line.split(':').nth(2).unwrap().to_owned();
    let uid = number(ids(&format!("passwd {user}")));
    let gid = number(ids(&format!("group {user}")));
    let shared = number(ids("group dovetail"));
    assert_eq!(status.words("Uid"), vec![uid; 4], "{name}");
    assert_eq!(status.words("Gid"), vec![gid.clone(); 4], "{name}");
    let mut groups = status.words("Groups");
    groups.retain(|group| *group != gid);
    assert_eq!(groups, [shared], "{name}");
    assert_eq!(status.words("NoNewPrivs"), ["1"], "{name}");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status.words(set), ["0000000000000000"], "{name} {set}");
    }
    assert_eq!(status.words("Seccomp"), ["2"], "{name}");
}

/// Owner, group and mode of every socket, and that no daemon could put another in its place.
fn check_sockets(machine: &Machine) {
    let wanted = "\
        /run/dovetail/authd/admin.sock doveauth dovetail-admin 660\n\
        /run/dovetail/authd/client.sock doveauth dovetail 660\n\
        /run/dovetail/authd/userdb.sock doveauth dovetail 660\n\
        /run/dovetail/imapd/admin.sock vmail dovetail-admin 660\n\
        /run/dovetail/lmtpd/admin.sock vmail dovetail-admin 660\n\
        /run/dovetail/lmtpd/lmtp.sock vmail dovetail 660\n\
        /run/dovetail/qmgrd/admin.sock dvqueue dovetail-admin 660\n\
        /run/dovetail/qmgrd/lmtp.sock dvqueue dovetail 660\n\
        /run/dovetail/relayd/admin.sock dvrelay dovetail-admin 660\n\
        /run/dovetail/relayd/lmtp.sock dvrelay dovetail 660\n\
        /run/dovetail/smtpd/admin.sock dvsmtpd dovetail-admin 660\n\
        /run/dovetail/smtpd/internal.sock dvsmtpd dovetail 660\n";
    let sockets = "find /run/dovetail -type s | sort | xargs stat -c '%n %U %G %a'";
    assert_eq!(machine.run(sockets), wanted);
    let folders = "find /run/dovetail -type d | xargs stat -c '%U %a' | sort -u";
    assert_eq!(machine.run(folders), "root 755\n");
}

#[test]
fn the_dead_and_the_hung_come_back() {
    let machine = root::with_dovetail();
    for (name, ..) in DAEMONS {
        // As the units have it, but sooner.
        let drop_in = format!("/etc/systemd/system/dovetail-{name}.service.d/soon.conf");
        machine.write(&drop_in, "[Service]\nWatchdogSec=3s\nTimeoutAbortSec=1s\n");
    }
    machine.run("systemctl daemon-reload && systemctl start dovetail.target");
    for signal in ["KILL", "STOP"] {
        let before: Vec<u32> = DAEMONS.map(|(name, ..)| main_process(&machine, name)).into();
        for (name, ..) in DAEMONS {
            machine.run(&format!("systemctl kill --signal={signal} dovetail-{name}.service"));
        }
        for ((name, ..), before) in DAEMONS.iter().zip(before) {
            let unit = format!("dovetail-{name}");
            eventually(&format!("{name} to come back after SIG{signal}"), || {
                let now = machine.main_process(&unit)?;
                (now != before && machine.show(&unit, "ActiveState") == "active").then_some(())
            });
        }
    }
    for (name, ..) in DAEMONS {
        assert_eq!(machine.show(&format!("dovetail-{name}"), "NRestarts"), "2", "{name}");
        assert_eq!(machine.show(&format!("dovetail-{name}-admin.socket"), "SubState"), "running");
    }
}

fn main_process(machine: &Machine, name: &str) -> u32 {
    machine.main_process(&format!("dovetail-{name}")).unwrap()
}

#[test]
fn a_wrong_configuration_stays_down_until_it_is_mended() {
    let machine = root::with_dovetail();
    machine.run("systemctl start dovetail.target");
    let good = machine.run("cat /etc/dovetail/qmgrd.toml");
    machine.write("/etc/dovetail/qmgrd.toml", "retry_mni = \"1m\"\n");
    // A reload keeps what runs, and says why.
    let pid = main_process(&machine, "qmgrd");
    machine.run("systemctl reload dovetail");
    let complaint = "journalctl --no-pager -u dovetail-qmgrd | grep 'did you mean `retry_min`'";
    machine.wait_for("the complaint", complaint);
    assert_eq!(main_process(&machine, "qmgrd"), pid);
    // A start fails, once.
    let restarted = machine.try_run("systemctl restart dovetail-qmgrd");
    assert!(!restarted.status.success());
    machine.wait_for("it to be left alone", "systemctl is-failed dovetail-qmgrd");
    assert_eq!(machine.show("dovetail-qmgrd", "ExecMainStatus"), "78");
    machine.write("/etc/dovetail/qmgrd.toml", &good);
    machine.run("systemctl restart dovetail-qmgrd");
    assert_eq!(machine.show("dovetail-qmgrd-lmtp.socket", "SubState"), "running");
}

#[test]
fn stop_stops_listening_and_restart_does_not() {
    let machine = root::with_dovetail();
    machine.run("systemctl start dovetail");
    let socket = machine.path("/run/dovetail/qmgrd/lmtp.sock");
    let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&path.metadata().unwrap());
    let before = inode(&socket);
    machine.run("systemctl restart dovetail-qmgrd && systemctl restart dovetail.target");
    assert_eq!(inode(&socket), before, "the socket was made anew");
    machine.run("systemctl stop dovetail-qmgrd");
    // systemctl waits for the service; that the socket stops as well is a job of its own.
    let stopped = "systemctl show -P ActiveState dovetail-qmgrd-lmtp.socket | grep -x inactive";
    machine.wait_for("the socket unit's own stop", stopped);
    assert!(!socket.exists());
    machine.run("systemctl stop 'dovetail*'");
    assert_eq!(machine.run("find /run/dovetail -type s"), "");
    assert_eq!(machine.run("systemctl list-units --plain --no-legend 'dovetail*'"), "");
    let begun = Instant::now();
    machine.run("systemctl start dovetail");
    assert!(socket.exists());
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}
