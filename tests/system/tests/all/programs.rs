//! Mail of this machine's programs, through the commands of an MTA: `sendmail`, `mailq`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::unistd::geteuid;
use support::demo::binary;
use support::{DeadPort, Demo, Options, eventually, tools};

use crate::mail::token;

const BOB: &str = "bob@example.test";
/// An ordinary user that every system has.
const NOBODY: &str = "65534";

/// The MTA's commands by their names, where any user may reach them.
pub(crate) fn commands(folder: &Path) -> PathBuf {
    let folder = folder.join("mta");
    fs::create_dir(&folder).unwrap();
    let program = folder.join("dovetail-mta");
    fs::hard_link(binary("dovetail-mta"), &program)
        .or_else(|_| fs::copy(binary("dovetail-mta"), &program).map(|_| ()))
        .unwrap();
    for name in ["sendmail", "mailq", "newaliases", "postmap", "postalias"] {
        std::os::unix::fs::symlink("dovetail-mta", folder.join(name)).unwrap();
    }
    folder
}

/// A demo with the commands beside it.
struct Machine {
    demo: Demo,
    commands: PathBuf,
}

impl Machine {
    fn new(options: Options) -> Self {
        let demo = options.start();
        let commands = commands(demo.scratch());
        Self { demo, commands }
    }

    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.commands.join(name));
        command.arg("-C").arg(&self.demo.at.config).args(arguments).env_remove("NAME");
        command
    }

    /// The same by an ordinary user, whoever runs the tests.
    fn as_nobody(&self, name: &str, arguments: &[&str]) -> Command {
        let command = self.command(name, arguments);
        if !geteuid().is_root() {
            return command;
        }
        let mut by = Command::new("setpriv");
        by.arg(format!("--reuid={NOBODY}")).arg(format!("--regid={NOBODY}")).arg("--clear-groups");
        by.arg(command.get_program()).args(command.get_args()).env_remove("NAME");
        by
    }

    fn sendmail(&self, arguments: &[&str], message: &str) -> Output {
        tools::finish(&mut self.command("sendmail", arguments), message)
    }

    fn arrived(&self, login: &str, token: &str) -> String {
        eventually("the message", || {
            let mut messages = self.demo.maildir(login).messages().into_iter();
            messages.find(|text| text.contains(token))
        })
    }
}

fn said(output: &Output) -> (i32, String) {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), errors)
}

#[test]
fn an_ordinary_users_program_sends() {
    let machine = Machine::new(Options::default());
    let token = token("program");
    let message = format!("To: bob, alice\nBcc: carol@example.org\nSubject: {token}\n\n.x\n.\nno");
    let output = tools::finish(&mut machine.as_nobody("sendmail", &["-t", "-FJo Do"]), &message);
    assert_eq!(said(&output), (0, String::new()));
    let uid = if geteuid().is_root() { NOBODY.to_owned() } else { geteuid().to_string() };
    for login in [BOB, "alice@example.test", "carol@example.org"] {
        let text = machine.arrived(login, &token);
        let wanted = format!("Received: by mail.example.test (Dovetail, from userid {uid})\n\tid ");
        assert!(text.contains(&wanted), "{text}");
        assert!(text.contains("\nTo: bob@example.test, alice@example.test\n"), "{text}");
        assert!(text.contains("\nFrom: Jo Do <") && text.contains("\nMessage-ID: <"), "{text}");
        assert!(!text.contains("Bcc") && text.contains("\nDate: "), "{text}");
        assert!(text.ends_with("\n\n.x\n"), "{text}");
    }
    let log = machine.demo.log();
    assert!(log.contains(&format!(": uid={uid} from=<")), "{log}");
    machine.demo.stop();
}

#[test]
fn every_message_is_taken_or_the_caller_hears_so() {
    let machine = Machine::new(Options::default());
    let message = "Subject: x\n\nb\n";
    let gone = "gone@example.test";
    let (code, errors) = said(&machine.sendmail(&[gone], message));
    assert_eq!(code, 67);
    assert!(errors.contains(&format!("<{gone}>: 550 5.1.1 ")), "{errors}");
    // The others get theirs, and he who doesn't is named.
    let token = token("some");
    let (code, errors) = said(&machine.sendmail(&[gone, "bob", ""], &format!("S: {token}\n\n")));
    assert_eq!(code, 69);
    for part in [gone, "<>: 501 5.1.3 ", "was not sent to 2 of 3 recipients"] {
        assert!(errors.contains(part), "{errors}");
    }
    machine.arrived(BOB, &token);
    let (code, errors) = said(&machine.sendmail(&["-t"], message));
    assert_eq!(code, 64);
    assert!(errors.contains("No recipient addresses found in message header"), "{errors}");
    // smtpd is away.
    let elsewhere = machine.demo.scratch().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let text = "[listener.x]\nrole = \"sendmail\"\naddress = \"unix:/nonexistent/x.sock\"\n";
    fs::write(elsewhere.join("smtpd.toml"), text).unwrap();
    let mut command = Command::new(machine.commands.join("sendmail"));
    command.arg("bob").env("MAIL_CONFIG", &elsewhere);
    let (code, errors) = said(&tools::finish(&mut command, message));
    assert_eq!(code, 75);
    assert!(errors.contains("smtpd at /nonexistent/x.sock: No such file"), "{errors}");
    machine.demo.stop();
}

#[test]
fn who_may_not_and_what_is_too_large() {
    let options = Options::default()
        .config("smtpd.toml", "authorized_submit_users = [\"root\"]\n")
        .config("domains.toml", "message_size_limit = \"2M\"\n");
    let machine = Machine::new(options);
    let large = format!("Subject: large\n\n{}", "0123456789\n".repeat(300_000));
    if geteuid().is_root() {
        let (code, errors) = said(&machine.sendmail(&["bob"], &large));
        assert_eq!(code, 69, "{errors}");
        assert!(errors.contains("message file too big"), "{errors}");
        let mut nobody = machine.as_nobody("sendmail", &["bob"]);
        let (code, errors) = said(&tools::finish(&mut nobody, "\n\n"));
        assert_eq!(code, 77);
        assert!(errors.contains("userid 65534 is not allowed to submit mail"), "{errors}");
    } else {
        assert_eq!(said(&machine.sendmail(&["bob"], "\n\n")).0, 77);
    }
    machine.demo.stop();
}

#[test]
fn a_large_message_comes_whole() {
    let machine = Machine::new(Options::default());
    let token = token("large");
    let lines: String = (0..200_000).map(|n| format!("line {n} \u{e9}\n")).collect();
    let output = machine.sendmail(&["-i", BOB], &format!("Subject: {token}\n\n{lines}"));
    assert_eq!(said(&output), (0, String::new()));
    let text = machine.arrived(BOB, &token);
    assert!(text.ends_with(&lines), "{} octets", text.len());
    machine.demo.stop();
}

#[test]
fn too_many_at_once_wait_for_each_other() {
    let machine =
        Machine::new(Options::default().config("smtpd.toml", "max_connections_per_uid = 2\n"));
    let token = token("crowd");
    let mut running: Vec<Child> = Vec::new();
    for number in 0..20 {
        let mut command = machine.as_nobody("sendmail", &[BOB]);
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let text = format!("Subject: {token} {number}\n\nx\n");
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
        running.push(child);
    }
    for child in running {
        assert_eq!(said(&child.wait_with_output().unwrap()), (0, String::new()));
    }
    eventually("all of them", || (machine.demo.maildir(BOB).count(&token) == 20).then_some(()));
    machine.demo.stop();
}

#[test]
fn the_queue_is_listed_and_tried() {
    let port = DeadPort::reserve();
    let routes = format!("[routes]\n\"remote.test\" = \"{}\"\n", port.route());
    let options = Options::default()
        .config("relayd.toml", &routes)
        .config("qmgrd.toml", "retry_min = \"1h\"\nretry_max = \"1h\"\n");
    let machine = Machine::new(options);
    let list = || tools::run(&mut machine.command("mailq", &[]));
    assert_eq!(list(), "Mail queue is empty\n");
    let output = machine.sendmail(&["-f", "", "x@remote.test"], "Subject: q\n\nb\n");
    assert_eq!(said(&output), (0, String::new()));
    let listed = eventually("the reason of the first try", || {
        Some(list()).filter(|listed| listed.contains("Connection refused"))
    });
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines[0], "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------");
    let columns: Vec<&str> = lines[1].split_whitespace().collect();
    assert!(
        columns.len() == 7
            && columns[0].trim_end_matches('*').len() == 20
            && columns[6] == "MAILER-DAEMON",
        "{listed}"
    );
    assert!(lines[2].starts_with('(') || lines[2].starts_with(' '), "{listed}");
    assert_eq!(lines[3].trim_start(), "x@remote.test");
    assert_eq!(lines[4..], ["", "-- 0 Kbytes in 1 Request."]);
    let sink = port.revive();
    tools::run(&mut machine.command("sendmail", &["-q"]));
    eventually("the message over there", || (sink.taken().len() == 1).then_some(()));
    eventually("an empty queue", || (list() == "Mail queue is empty\n").then_some(()));
    let (code, errors) = said(&tools::finish(&mut machine.command("sendmail", &["-qInone"]), ""));
    assert_eq!(code, 67, "{errors}");
    machine.demo.stop();
}

#[test]
fn smtp_by_standard_input() {
    let machine = Machine::new(Options::default());
    let token = token("bs");
    let dialogue = format!(
        "EHLO x\r\nMAIL FROM:<a>\r\nRCPT TO:<bob>\r\nDATA\r\nSubject: {token}\r\n\r\nb\r\n.\r\nQUIT\r\n"
    );
    let output = machine.sendmail(&["-bs"], &dialogue);
    let heard = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && heard.starts_with("220 mail.example.test "), "{heard}");
    assert!(heard.ends_with("\r\n221 2.0.0 Bye\r\n"), "{heard}");
    machine.arrived(BOB, &token);
    machine.demo.stop();
}
