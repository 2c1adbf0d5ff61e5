//! What the daemons log, as operators and their scripts read it.

use serde_json::Value;
use support::{Demo, Options, Sink, eventually};

use crate::mail::{message, send, token};

pub(crate) const DAEMONS: [&str; 6] = ["authd", "smtpd", "qmgrd", "relayd", "lmtpd", "imapd"];
const ALICE: &str = "alice@example.test";
const BOB: &str = "bob@example.test";

/// A demo for which remote.test is the sink, each of its daemons logging as `[log]` says; failed logins
/// are answered at once.
pub(crate) fn logging(sink: &Sink, log: impl Fn(&str) -> String) -> Options {
    configured(sink, |_| String::new(), log)
}

/// The same, with keys at the head of each daemon's file.
pub(crate) fn configured(
    sink: &Sink,
    head: impl Fn(&str) -> String,
    log: impl Fn(&str) -> String,
) -> Options {
    let routes = format!("[routes]\n\"remote.test\" = \"{}\"\n", sink.route());
    DAEMONS.into_iter().fold(Options::default(), |options, daemon| {
        let own = match daemon {
            "relayd" => routes.as_str(),
            "authd" => "failure_delay = \"0s\"\n",
            _ => "",
        };
        let text = format!("{}{own}[log]\n{}", head(daemon), log(daemon));
        options.config(&format!("{daemon}.toml"), &text)
    })
}

/// The last line's queue id, of `250 2.0.0 Ok: queued as ID`.
pub(crate) fn id_of(reply: &str) -> String {
    let id = reply.rsplit(' ').next().unwrap();
    assert!(reply.starts_with("250 2.0.0 Ok: queued as ") && id.len() == 20, "{reply}");
    id.to_owned()
}

/// One message to three: one here, one elsewhere, one whom the server elsewhere refuses.
fn three_ways(demo: &Demo) -> String {
    let to = [BOB, "far@remote.test", "refused@remote.test"];
    let text = message(ALICE, BOB, &token("logs"));
    id_of(&send(&mut demo.submission(ALICE), ALICE, &to, &text))
}

/// What stands under a key of a line, and nothing where there is no such key.
fn field<'a>(line: &'a Value, key: &str) -> &'a str {
    line.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn one_message_by_its_id_through_all_daemons() {
    let sink = Sink::start();
    let demo = logging(&sink, |_| "format = \"json\"\n".to_owned()).start();
    let id = three_ways(&demo);
    let lines = |id: &str| -> Vec<Value> {
        let log = demo.log();
        let all = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        all.filter(|line| field(line, "id") == id).collect()
    };
    // Daemon, recipient and status of every line that tells of a recipient.
    let told = |id: &str| -> Vec<String> {
        let lines = lines(id);
        let of_rcpt = lines.iter().filter(|line| line.get("status").is_some());
        let told =
            of_rcpt.map(|line| ["name", "to", "status"].map(|key| field(line, key)).join(" "));
        let mut told: Vec<String> = told.collect();
        told.sort();
        told
    };
    let wanted = [
        "lmtpd <bob@example.test> sent",
        "qmgrd <bob@example.test> sent",
        "qmgrd <far@remote.test> sent",
        "qmgrd <refused@remote.test> bounced",
        "relayd <far@remote.test> sent",
        "relayd <refused@remote.test> bounced",
        "smtpd <bob@example.test> queued",
        "smtpd <far@remote.test> queued",
        "smtpd <refused@remote.test> queued",
    ];
    eventually("a line of each daemon for each recipient", || {
        Some(told(&id)).filter(|told| *told == wanted)
    });
    for line in lines(&id).iter().filter(|line| line.get("status").is_some()) {
        assert_eq!(field(line, "from"), "<alice@example.test>", "{line}");
        assert!(line["delay"].as_f64().is_some_and(|delay| (0.0..60.0).contains(&delay)), "{line}");
        let sent = field(line, "status") != "bounced";
        assert_eq!(field(line, "dsn").starts_with("2."), sent, "{line}");
        assert_eq!(field(line, "relay").is_empty(), field(line, "name") == "lmtpd", "{line}");
    }
    let intake =
        |line: &Value| field(line, "name") == "qmgrd" && field(line, "message") == "queued";
    assert_eq!(lines(&id).iter().filter(|line| intake(line)).count(), 1);

    // The report is a message of its own, and one line ties the two together.
    let report = eventually("the line of the report", || {
        let log = demo.log();
        let all = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut ours = all.filter(|line| field(line, "parent") == id);
        ours.next().map(|line| field(&line, "id").to_owned())
    });
    let wanted = [
        "lmtpd <alice@example.test> sent",
        "qmgrd <alice@example.test> sent", // handed to smtpd
        "qmgrd <alice@example.test> sent", // handed to lmtpd
        "smtpd <alice@example.test> queued",
    ];
    eventually("the report's lines", || Some(told(&report)).filter(|told| *told == wanted));
    demo.stop();
}

/// What log readers for Postfix look for: `ID: to=<…>, relay=…, delay=…, dsn=…, status=WORD (…)`.
#[test]
fn deliveries_read_as_postfix_s_do() {
    let sink = Sink::start();
    let demo = logging(&sink, |_| "format = \"text\"\n".to_owned()).start();
    let id = three_ways(&demo);
    for (daemon, to, status, said) in [
        ("qmgrd", BOB, "sent", "250 2.0.0 <bob@example.test> "),
        ("qmgrd", "far@remote.test", "sent", "250 "),
        ("qmgrd", "refused@remote.test", "bounced", "550 "),
        ("relayd", "far@remote.test", "sent", "250 "),
        ("relayd", "refused@remote.test", "bounced", "550 "),
    ] {
        let head = format!("info: {id}: to=<{to}>, relay=");
        let line = eventually(&format!("{daemon}'s line for {to}"), || {
            let log = demo.log();
            let mut ours = log.lines().filter(|line| line.contains(&format!(" {daemon}[")));
            ours.find(|line| line.contains(&head)).map(str::to_owned)
        });
        let rest = line.split_once(&head).unwrap().1;
        let mut words = rest.splitn(5, ", ");
        let (relay, delay) = (words.next().unwrap(), words.next().unwrap());
        assert!(relay.contains('[') && !relay.contains(' '), "{line}");
        let seconds: f64 = delay.strip_prefix("delay=").unwrap().parse().unwrap();
        assert!((0.0..60.0).contains(&seconds), "{line}");
        assert!(words.next().unwrap().starts_with("dsn="), "{line}");
        let end = words.next().unwrap();
        assert!(end.starts_with(&format!("status={status} (")), "{line}");
        assert!(end.contains(said) && end.contains(&format!(") id={id} ")), "{line}");
    }
    let stored = eventually("lmtpd's line", || {
        let log = demo.log();
        let mut lines = log.lines();
        let ours = |line: &&str| line.contains("lmtpd[") && line.contains(&format!("id={id} "));
        lines.find(ours).map(str::to_owned)
    });
    assert!(stored.contains("info: stored mail into mailbox 'INBOX' id="), "{stored}");
    demo.stop();
}

/// Not only lines that tell of a recipient: what goes wrong inside says which message it was.
#[test]
fn complaints_carry_the_id_too() {
    let sink = Sink::start();
    let demo = logging(&sink, |_| "format = \"json\"\n".to_owned()).start();
    // A uid below minimum_uid, for which nothing is delivered.
    let line = "low@example.test:{PLAIN}x:99:99::/nonexistent::\n";
    let users = std::fs::read_to_string(&demo.at.passwd_file).unwrap();
    std::fs::write(&demo.at.passwd_file, users + line).unwrap();
    let mut mail = demo.smtp();
    mail.ask("MAIL FROM:<a@remote.test>", "250 ");
    mail.ask("RCPT TO:<low@example.test>", "250 ");
    mail.ask("DATA", "451 ");
    let id = |name: &str, level: &str| {
        eventually(&format!("{name}'s complaint"), || {
            let log = demo.log();
            let all = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let mut ours = all.filter(|line| {
                field(line, "name") == name
                    && field(line, "level") == level
                    && line.to_string().contains("low@example.test")
            });
            ours.next().map(|line| field(&line, "id").to_owned())
        })
    };
    let known = id("lmtpd", "error");
    assert_eq!(known.len(), 20, "{known}");
    eventually(&format!("{known} in smtpd's lines"), || {
        let log = demo.log();
        let mut lines = log.lines();
        lines.any(|line| line.contains(&known) && line.contains("\"smtpd\"")).then_some(())
    });
    demo.stop();
}

#[test]
fn debug_lines_for_a_while() {
    let demo = Demo::start();
    let said = |arguments: &[&str]| {
        let output = demo.dovetail(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let lines = || demo.log().lines().filter(|line| line.contains("smtpd[")).count();
    assert!(!demo.log().contains(" debug: "));
    assert_eq!(said(&["debug"]).matches(" off ").count(), DAEMONS.len());
    let on = said(&["debug", "smtpd", "on", "--for", "5m"]);
    assert!(on.contains("\nsmtpd   on     debug  -       5m\n"), "{on}");
    assert_eq!(said(&["debug"]).matches(" off ").count(), DAEMONS.len() - 1);
    drop(demo.smtp());
    eventually("smtpd's debug line", || {
        let log = demo.log();
        let mut lines = log.lines();
        lines.find(|line| line.contains("smtpd[") && line.contains(" debug: ")).map(|_| ())
    });
    assert!(demo.log().contains(" debug on for 5m by="), "{}", demo.log());
    said(&["debug", "smtpd", "off"]);
    eventually("the switch's line", || demo.log().contains(" debug off by=").then_some(()));
    let before = lines();
    let mut mail = demo.smtp();
    let text = message("a@remote.test", BOB, &token("debug"));
    send(&mut mail, "a@remote.test", &[BOB], &text);
    drop(mail);
    eventually("smtpd's next line", || (lines() > before).then_some(()));
    let log = demo.log();
    let after = log.split_once(" debug off by=").unwrap().1;
    assert!(!after.contains(" debug: "), "{after}");
    demo.stop();
}
