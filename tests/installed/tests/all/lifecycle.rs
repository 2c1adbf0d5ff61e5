//! Packages from installation to purge: users, folders and permissions are right, an upgrade keeps
//! what the operator changed, and in the end nothing is left but mail.

use installed::{Machine, machine::assert_same, packages};

/// Every file and folder of the root with owner, group and mode, but what package tools keep of
/// their own work.
const TREE: &str = "find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /dev \
    -o -path /tmp -o -path /var/lib/dpkg -o -path /var/cache -o -path /var/log/journal \
    -o -path /var/log/dpkg.log -o -path /var/lib/apt -o -path /var/log/apt \\) -prune \
    -o -printf '%p %u %g %m\\n' | sort";
/// Users and groups, in any order.
const NAMES: &str = "sort /etc/passwd /etc/group /etc/shadow /etc/gshadow | cut -d: -f1,3,4";

fn state(machine: &Machine) -> (Vec<String>, Vec<String>) {
    let lines = |script: &str| machine.run(script).lines().map(str::to_owned).collect();
    // Backups that the tools for users keep.
    let tree: Vec<String> = lines(TREE);
    let kept = |line: &String| {
        !["/etc/passwd- ", "/etc/group- ", "/etc/shadow- ", "/etc/gshadow- ", "/etc/.pwd.lock "]
            .iter()
            .any(|name| line.starts_with(name))
    };
    (tree.into_iter().filter(kept).collect(), lines(NAMES))
}

#[test]
fn nothing_is_left_but_mail() {
    packages::build();
    let machine = Machine::boot(&[]);
    let before = state(&machine);
    machine.run(&packages::install_version(&packages::ALL, packages::VERSIONS[0]));
    check_places(&machine);
    machine.write("/etc/dovetail/domains.toml", "mailbox_domains = [\"example.test\"]\n");
    machine.run("systemctl enable --quiet --now dovetail.target");
    machine.run(
        "systemctl enable --quiet dovetail-smtpd-smtp.socket && systemctl restart dovetail-smtpd",
    );
    upgrade(&machine);
    // Mail arrives, and outlives everything.
    machine.run(
        "install -d -o vmail -g vmail -m 700 /var/vmail/example.test && \
                 install -o vmail -g vmail -m 600 /dev/null /var/vmail/example.test/mail",
    );
    let names = packages::ALL.join(" ");
    machine.run(&format!("dpkg --remove {names}"));
    assert_eq!(machine.run("pgrep -u doveauth,dvsmtpd,dvqueue,dvrelay,vmail || true"), "");
    // Removed isn't purged: configuration and users are there for the next installation.
    machine.run("test -f /etc/dovetail/domains.toml && getent passwd doveauth");
    let purged = machine.run(&format!("dpkg --purge {names} 2>&1"));
    assert!(purged.contains("the user vmail still owns /var/vmail"), "{purged}");
    machine.run("rm -r /var/vmail && userdel vmail");
    let after = state(&machine);
    let added: Vec<&String> = after.0.iter().filter(|line| !before.0.contains(line)).collect();
    assert!(added.is_empty(), "left behind: {added:#?}");
    assert_same("files", &after.0, &before.0);
    assert_same("users and groups", &after.1, &before.1);
}

/// Owners, groups and modes of what an installation makes.
fn check_places(machine: &Machine) {
    let wanted = "\
        /etc/dovetail root root 755\n\
        /etc/dovetail/authd.toml root doveauth 640\n\
        /etc/dovetail/domains.toml root dovetail 640\n\
        /etc/dovetail/imapd.toml root vmail 640\n\
        /etc/dovetail/lmtpd.toml root dovetail 640\n\
        /etc/dovetail/mail.toml root dovetail 640\n\
        /etc/dovetail/qmgrd.toml root dvqueue 640\n\
        /etc/dovetail/relayd.toml root dvrelay 640\n\
        /etc/dovetail/smtpd.toml root dvsmtpd 640\n\
        /etc/dovetail/tls.toml root root 640\n\
        /etc/dovetail/users root doveauth 640\n\
        /var/lib/dovetail/tls root root 755\n\
        /var/lib/dovetail/tls/imapd root vmail 750\n\
        /var/lib/dovetail/tls/smtpd root dvsmtpd 750\n\
        /var/spool/dovetail dvqueue dvqueue 700\n\
        /var/vmail vmail vmail 711\n";
    let places = "find /etc/dovetail /var/lib/dovetail/tls /var/spool/dovetail /var/vmail | sort \
                  | xargs stat -c '%n %U %G %a'";
    assert_eq!(machine.run(places), wanted);
    assert_eq!(machine.run("getent passwd vmail | cut -d: -f3,4,6"), "5000:5000:/var/vmail\n");
    let members = "getent group dovetail | cut -d: -f4 | tr , '\\n' | sort | tr '\\n' ' '";
    assert_eq!(machine.run(members), "doveauth dvqueue dvrelay dvsmtpd vmail ");
    assert_eq!(machine.run("dovetail config check"), "/etc/dovetail: good\n");
}

/// The operator's file stays, daemons that ran run on as the new version, on the same sockets.
fn upgrade(machine: &Machine) {
    let pid = machine.main_process("dovetail-qmgrd");
    let socket = "stat -c %i /run/dovetail/qmgrd/lmtp.sock";
    let inode = machine.run(socket);
    machine.run("systemctl stop dovetail-relayd");
    machine.run(&packages::install(&packages::ALL));
    let domains = machine.run("cat /etc/dovetail/domains.toml");
    assert_eq!(domains, "mailbox_domains = [\"example.test\"]\n");
    assert_ne!(machine.main_process("dovetail-qmgrd"), pid);
    assert_eq!(machine.run(socket), inode);
    // What was stopped stays stopped, what was enabled stays enabled.
    assert_eq!(machine.show("dovetail-relayd", "ActiveState"), "inactive");
    machine.run("systemctl is-enabled --quiet dovetail.target dovetail-smtpd-smtp.socket");
    assert_eq!(machine.show("dovetail-smtpd-smtp.socket", "SubState"), "running");
}

#[test]
fn a_mail_user_that_is_there_is_taken_as_it_is() {
    packages::build();
    let machine = Machine::idle(&[]);
    machine.run("groupadd -g 700 vmail && useradd -u 701 -g 700 -d /srv/mail -M vmail");
    // And 5000 is somebody's.
    machine.run("useradd -u 5000 -M other");
    machine.run(&packages::install(&packages::ALL));
    assert_eq!(machine.run("getent passwd vmail | cut -d: -f3,4,6"), "701:700:/srv/mail\n");
    machine.run("test ! -e /var/vmail");
    assert_eq!(machine.run("stat -c %G /etc/dovetail/imapd.toml"), "vmail\n");
    machine.run(&format!("dpkg --purge {}", packages::ALL.join(" ")));
    // It isn't ours to remove.
    machine.run("getent passwd vmail && ! getent passwd doveauth && ! getent group dovetail-admin");
}

#[test]
fn a_taken_number_is_no_obstacle() {
    packages::build();
    let machine = Machine::idle(&[]);
    machine.run("useradd -u 5000 -M other");
    machine.run(&packages::install(&packages::ALL));
    let uid: u32 = machine.run("id -u vmail").trim().parse().unwrap();
    assert!(uid != 5000 && uid >= 100, "{uid}");
}

#[test]
fn a_queue_that_holds_mail_stays() {
    packages::build();
    let machine = Machine::idle(&[]);
    machine.run(&packages::install(&packages::ALL));
    let queue = "/var/spool/dovetail/queue";
    machine.run(&format!(
        "install -d -o dvqueue -g dvqueue -m 700 {queue} && \
                          install -o dvqueue -g dvqueue -m 600 /dev/null {queue}/x"
    ));
    let purged = machine.run(&format!("dpkg --purge {} 2>&1", packages::ALL.join(" ")));
    assert!(purged.contains("/var/spool/dovetail holds mail"), "{purged}");
    machine.run(&format!("test -f {queue}/x && getent passwd dvqueue && ! getent passwd doveauth"));
}
