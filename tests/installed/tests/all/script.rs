//! deploy/install.sh: run twice, upgraded, and taken out again.

use installed::{Machine, packages};

const SCRIPT: &str = "/run/target/stage/install.sh --from /run/target/stage";

/// Everything that the script could touch.
const TREE: &str = "find /etc /usr /var -xdev \\( -path /var/log/journal -o -path /var/cache \
    -o -path /var/lib/apt -o -path /var/tmp \\) -prune -o -printf '%p %u %g %m\\n' \
    | grep -v '^/etc/[a-z]*-  *' | grep -v '^/etc/.pwd.lock' | sort";

#[test]
fn twice_and_out_again() {
    packages::build();
    let machine = Machine::boot(&[]);
    machine.run("getent passwd vmail && exit 1; exit 0");
    let before = machine.run(TREE);
    machine.run(SCRIPT);
    machine.run("dovetail config check && systemctl enable --quiet --now dovetail.target");
    let page = machine.run("realpath $(man -w 8 dovetail-authd)");
    assert_eq!(page, "/usr/local/share/man/man8/dovetail-authd.8.gz\n");
    let pid = machine.main_process("dovetail-authd");
    assert!(pid.is_some(), "{}", machine.journal());
    let first = machine.run(TREE);
    // The operator's change stays; what this version has lies beside it.
    machine.write("/etc/dovetail/domains.toml", "mailbox_domains = [\"example.test\"]\n");
    machine.run(SCRIPT);
    assert_eq!(machine.run("cat /etc/dovetail/domains.toml").lines().count(), 1);
    let second = machine.run(TREE);
    let added: Vec<&str> = second.lines().filter(|line| !first.contains(line)).collect();
    assert_eq!(added, ["/etc/dovetail/domains.toml.new root root 640"]);
    assert_ne!(machine.main_process("dovetail-authd"), pid, "it runs the old program");
    // A file that an earlier version brought goes.
    machine.run(
        "echo /usr/local/bin/dovetail-old >>/usr/local/share/dovetail/installed && \
                 touch /usr/local/bin/dovetail-old",
    );
    machine.run(&format!("{SCRIPT} && ! test -e /usr/local/bin/dovetail-old"));
    machine.run("/run/target/stage/install.sh --uninstall");
    assert_eq!(machine.run("pgrep -u doveauth 2>/dev/null || true"), "");
    let after = machine.run(TREE);
    let left: Vec<&str> = after.lines().filter(|line| !before.contains(line)).collect();
    assert!(left.is_empty(), "left behind: {left:#?}");
    assert_eq!(after, before);
    machine.run("! getent passwd doveauth && ! getent passwd vmail && ! getent group dovetail");
}

#[test]
fn places_files_and_nothing_else() {
    packages::build();
    let machine = Machine::idle(&[]);
    let before = machine.run(TREE);
    machine.run(&format!("{SCRIPT} --destdir /tmp/here --prefix /opt/dovetail"));
    assert_eq!(machine.run(TREE), before);
    machine.run("/tmp/here/opt/dovetail/libexec/dovetail/authd --version");
    let unit = machine.run("cat /tmp/here/opt/dovetail/lib/systemd/system/dovetail-authd.service");
    assert!(unit.contains("ExecStart=/opt/dovetail/libexec/dovetail/authd\n"), "{unit}");
    machine
        .run("/run/target/stage/install.sh --uninstall --destdir /tmp/here --prefix /opt/dovetail");
    assert_eq!(machine.run("find /tmp/here -type f"), "");
}
