//! The commands of an MTA beside Debian's Postfix 3.7: the same command line and message go to both, and
//! both next hops must hear the same; the same tables are asked by both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use reference::{Joints, Mail, Postfix, User};
use support::sink::Taken;
use support::{Demo, Options, Sink, eventually, tools};

use crate::programs::commands;

const POSTFIX: &str = "/usr/sbin/sendmail";

/// Both systems, each with a next hop of its own for everything.
struct Both {
    demo: Demo,
    ours: PathBuf,
    sink: Sink,
    postfix: Postfix,
    postfix_sink: Sink,
    _mail: Mail,
}

impl Both {
    fn start() -> Self {
        let (sink, postfix_sink) = (Sink::start(), Sink::start());
        let mail = Mail::new(vec![User::new("alice@local.test", "x")]);
        let nobody = Path::new("/nonexistent");
        let lines = format!("relayhost = {}\nmyorigin = remote.test\n", postfix_sink.route());
        let postfix = Postfix::start(&mail, Joints { lmtp: nobody, auth: nobody }, &lines);
        let routes = format!("[routes]\n\"remote.test\" = \"{}\"\n", sink.route());
        let domains = "hostname = \"mx.remote.test\"\nmyorigin = \"remote.test\"\n\
                       mailbox_domains = [\"local.test\"]\n";
        let demo = Options::default()
            .config("relayd.toml", &routes)
            .config("domains.toml", domains)
            .start();
        let ours = commands(demo.scratch()).join("sendmail");
        Self { demo, ours, sink, postfix, postfix_sink, _mail: mail }
    }

    /// Runs both; their exit codes and what they said.
    fn run(&self, arguments: &[&str], message: &[u8]) -> (Output, Output) {
        let run = |program: &Path, config: &Path| {
            let mut command = Command::new(program);
            command.arg("-C").arg(config).args(arguments).env_remove("NAME");
            tools::finish(&mut command, message)
        };
        let ours = run(&self.ours, Path::new(&self.demo.at.config));
        (ours, run(Path::new(POSTFIX), &self.postfix.config))
    }

    /// Sends by both, and compares what arrives.
    fn same(&self, arguments: &[&str], message: &[u8]) {
        let (before, theirs_before) = (self.sink.taken().len(), self.postfix_sink.taken().len());
        let (ours, theirs) = self.run(arguments, message);
        let shown = format!("{arguments:?}\n{}", String::from_utf8_lossy(message));
        for output in [&ours, &theirs] {
            assert!(
                output.status.success(),
                "{shown}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        assert_eq!(ours.stdout, theirs.stdout, "{shown}");
        let arrived = |sink: &Sink, before: usize| {
            eventually(&format!("a message of {shown}"), || sink.taken().get(before).cloned())
        };
        let ours = Seen::of(&arrived(&self.sink, before));
        let theirs = Seen::of(&arrived(&self.postfix_sink, theirs_before));
        assert_eq!(ours, theirs, "ours, then Postfix's, of {shown}");
    }
}

/// What a next hop hears, without what differs from one message to the next: ids, times, sizes, the way.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    mail: String,
    rcpts: Vec<String>,
    /// In any order: cleanup(8) adds its own at the end in another one.
    header: Vec<String>,
    body: String,
}

impl Seen {
    fn of(taken: &Taken) -> Self {
        let (path, parameters) = taken.mail.split_once('>').unwrap();
        let utf8 = if parameters.contains("SMTPUTF8") { " SMTPUTF8" } else { "" };
        let rcpt = |line: &String| line.split_once('>').unwrap().0.to_owned();
        let mut rcpts: Vec<String> = taken.rcpts.iter().map(rcpt).collect();
        rcpts.sort();
        let (header, body) = taken.content.split_once("\r\n\r\n").unwrap_or((&taken.content, ""));
        let mut fields: Vec<String> = Vec::new();
        for line in header.trim_end_matches("\r\n").split("\r\n") {
            match (line.starts_with([' ', '\t']), fields.last_mut()) {
                (true, Some(field)) => field.push_str(line),
                _ => fields.push(line.to_owned()),
            }
        }
        let own = |field: &String| !field.starts_with("Received: by m");
        let mut header: Vec<String> =
            fields.into_iter().filter(own).map(|f| without_value(&f)).collect();
        header.sort();
        let mail = format!("{path}>{utf8}");
        Self { mail, rcpts, header, body: body.trim_end().to_owned() }
    }
}

/// A field's name in lower case, and its value if it is the message's own.
fn without_value(field: &str) -> String {
    let (name, value) = field.split_once(':').unwrap_or((field, ""));
    let name = name.to_ascii_lowercase();
    match name.trim_start_matches("resent-") {
        "message-id" if value.contains('.') => name,
        "date" if value.contains("+0000") => name,
        // Where it completes an address, cleanup(8) writes the field anew, blanks too.
        _ => format!("{name}: {}", value.split_whitespace().collect::<Vec<_>>().join(" ")),
    }
}

#[test]
fn the_same_message_reads_the_same() {
    let both = Both::start();
    let plain = b"Subject: x\n\nb\n";
    for arguments in [
        &["a@remote.test"][..],
        &["a"],
        &["-f", "x@y.test", "-F", "Jo Do", "a"],
        &["-F", "Jo \"Q\" Do, Jr.", "a"],
        &["-F", "", "a"],
        &["-f", "Full Name <x@y.test>", "a"],
        &["-fx@y.test", "Some One <c@remote.test>, e@remote.test", "bare"],
        &["-r", "r@y.test", "a"],
        &["-oem", "-oi", "-odi", "-B8BITMIME", "-O", "X=y", "-U", "-h", "5", "-m", "a"],
        &["a", "a", "A@remote.test", "a b"],
        &["-N", "never", "-V", "env", "-R", "hdrs", "a"],
    ] {
        both.same(arguments, plain);
    }
    for message in [
        &b"To: A One <a@remote.test>, bare\nCc: \"x, y\" <c@remote.test>\nBcc: s@remote.test\n\nb\n"[..],
        b"To: a\nResent-To: r\nResent-Bcc: q\nFrom: old@x.test\nSubject: x\n\nb\n",
        b"To: a\nResent-To: r\nFrom: o@x.test\nDate: now\nMessage-ID: <1@2>\n\nb\n",
        b"From root Tue\n>From me\nTo: a\n\n.x\nline\n.\nafter\n",
        b"To: a\r\nSubject: crlf\r\n\r\nline\r\nmore\rx\r\n",
        b"To: group: a, c@remote.test;\nFrom: x\nReply-To: y, Z <z>\nSender: w\nErrors-To: e\n\nb",
        b"To: a@remote.test (comment), <d@remote.test>\nCc:\n\nb",
        b"To: a@remote.test; c@remote.test\n\nb",
        b"To: a,\n\tb@remote.test\nSubject: folded\n  here\n\nb",
        b"To: \xc3\x84 <a@remote.test>\nSubject: \xc3\xbcber\n\nb",
        b"Subject : x\nTo : q\n\nb",
        b"To: a\nReturn-Path: <x@y>\nContent-Length: 5\nReceived: foo\n\nb",
        b"To: a\nno field\n\nb",
        b"To: a",
    ] {
        both.same(&["-t"], message);
    }
    both.same(&["-ti", "z"], b"To: a\n\n.\n..\n. x\n");
    both.same(&["a"], b"no header here\nTo: a@remote.test\n\nx\n");
    both.same(&["a"], b"To: b\nBcc: secret@remote.test\n\nb\n");
    both.same(&["a"], b"");
    both.same(&["a"], b"Subject: \xe4\n\nb\xc4\n");
    both.same(&["-t", "a"], b"To: undisclosed-recipients:;\n\nb");
    both.demo.stop();
}

#[test]
fn what_is_refused_is_refused_in_the_same_words() {
    let both = Both::start();
    for arguments in [
        &[][..],
        &["-t"],
        &["-n", "a"],
        &["-B", "9BIT", "a"],
        &["-bz"],
        &["-X", "foo", "a"],
        &["-q", "--", "x"],
        &["-qS", "x"],
        &["-qR"],
        &["-qRx.test", "x"],
        &["-qI"],
        &["-bp", "x"],
        &["-bs", "x"],
        &["-bi", "x"],
        &["-t", "-bp"],
        &["-oA"],
        &["-Z"],
        &["-f"],
    ] {
        let (ours, theirs) = both.run(arguments, b"Subject: x\n\nb\n");
        let last = |output: &Output| {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            said.lines().last().map(str::to_owned)
        };
        assert_eq!(last(&ours), last(&theirs), "{arguments:?}");
        // Postfix's sendmail ends with 75 whatever it is.
        assert_eq!(
            (ours.status.code(), theirs.status.code()),
            (Some(64), Some(75)),
            "{arguments:?}"
        );
    }
    for arguments in [&["-q5m"][..], &["-bh"], &["-N", "bogus", "-R", "x", "-V", "\u{1}", "-q1"]] {
        let (ours, theirs) = both.run(arguments, b"");
        assert!(ours.status.success() && theirs.status.success(), "{arguments:?}");
        assert_eq!(
            String::from_utf8_lossy(&ours.stderr),
            String::from_utf8_lossy(&theirs.stderr),
            "{arguments:?}"
        );
    }
    both.demo.stop();
}

const TABLE: &str = "# comment
A@x.test b@x.test
   c@x.test
\"quoted key\"@x.test  d@x.test
   # comment within
 cont\x20
dup@x.test one
dup@x.test two
novalue
@x.test  u # data
e@x.test: f
\"open v
back\\ slash v4
root alice@x.test, bob
x.test anything
\u{e4}@x.test u8
";

const ALIASES: &str = "# c
postmaster: root
Root:  alice,bob , \"c d\"
list:\t:include:/x/y
prog: \"|/usr/bin/foo -x\"
file: /var/mail/x
a@b: c
nocolon
empty:
 cont: x
multi: a
  b, c
\"q x\": z
x, y: z
k:l:m
dot.ted: x.y@z.test, <u@v.test>
";

/// A command of both, on files of its own; `main.cf` says nothing.
struct Tables {
    folder: tempfile::TempDir,
    ours: PathBuf,
}

impl Tables {
    fn new() -> Self {
        tools::need("/usr/sbin/postmap", "postfix");
        let folder = tempfile::Builder::new().prefix("dvt").tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("etc")).unwrap();
        fs::write(path("etc/main.cf"), "compatibility_level = 3.6\n").unwrap();
        fs::write(path("etc/master.cf"), "").unwrap();
        let ours = commands(folder.path());
        Self { folder, ours }
    }

    /// Exit code, standard output in any order, warnings but for those of equal keys.
    fn both(
        &self,
        name: &str,
        arguments: &[&str],
        input: &str,
    ) -> [(Option<i32>, Vec<String>, Vec<String>); 2] {
        let run = |program: PathBuf| {
            let mut command = Command::new(program);
            command.current_dir(self.folder.path()).arg("-c").arg("etc").args(arguments);
            let output = tools::finish(&mut command, input);
            let lines = |octets: &[u8]| -> Vec<String> {
                let text = String::from_utf8_lossy(octets).into_owned();
                let made = |line: &&str| {
                    !line.contains("duplicate entry") && !line.starts_with(['@', 'Y'])
                };
                text.lines().filter(made).map(str::to_owned).collect()
            };
            let mut out = lines(&output.stdout);
            out.sort();
            (output.status.code(), out, lines(&output.stderr))
        };
        [run(self.ours.join(name)), run(Path::new("/usr/sbin").join(name))]
    }

    fn same(&self, name: &str, arguments: &[&str], input: &str) {
        let [ours, theirs] = self.both(name, arguments, input);
        assert_eq!(ours, theirs, "{name} {arguments:?}");
    }
}

#[test]
fn tables_are_asked_with_the_same_answers() {
    let tables = Tables::new();
    for name in ["v", "w"] {
        fs::write(tables.folder.path().join(name), TABLE).unwrap();
    }
    for arguments in
        [&["v"][..], &["hash:v"], &["-o", "btree:w"], &["-p", "-u", "-N", "v"], &["-w", "v"]]
    {
        tables.same("postmap", arguments, "");
    }
    for key in [
        "a@x.test",
        "A@X.TEST",
        "\"quoted key\"@x.test",
        "quoted key@x.test",
        "dup@x.test",
        "novalue",
        "@x.test",
        "e@x.test:",
        "e@x.test",
        "\"open",
        "back\\ slash",
        "root",
        "x.test",
        "\u{e4}@x.test",
        "",
        "nobody",
        "c@x.test",
        "#",
    ] {
        tables.same("postmap", &["-q", key, "hash:v"], "");
        tables.same("postmap", &["-q", key, "btree:w", "hash:v"], "");
        tables.same("postmap", &["-f", "-q", key, "static:any"], "");
    }
    let keys = "a@x.test\nnone\nDUP@x.test\n\nroot\n@x.test";
    for arguments in
        [&["-q", "-", "v"][..], &["-q", "-", "hash:v", "inline:{none=found}"], &["-s", "v"]]
    {
        tables.same("postmap", arguments, keys);
    }
    tables.same("postmap", &["-q", "-", "v"], "none\n");
    tables.same("postmap", &["-s", "inline:{ {a = b c}, d=e }"], "");
    tables.same("postmap", &["-q", "d", "inline:{ {a = b c}, d=e }"], "");
    // What is wrong.
    for arguments in [
        &[][..],
        &["-Z", "v"],
        &["-q"],
        &["-q", "x"],
        &["-s", "-q", "x", "v"],
        &["nofile"],
        &["-q", "x", "-d", "y", "v"],
    ] {
        tables.same("postmap", arguments, "");
    }
}

#[test]
fn aliases_are_asked_with_the_same_answers() {
    let tables = Tables::new();
    fs::write(tables.folder.path().join("al"), ALIASES).unwrap();
    for arguments in [&["al"][..], &["hash:al"], &["-s", "al"], &[], &["nofile"]] {
        tables.same("postalias", arguments, "");
    }
    for key in [
        "root",
        "ROOT",
        "postmaster",
        "list",
        "prog",
        "file",
        "multi",
        "q x",
        "empty",
        "k",
        "no",
        "dot.ted",
    ] {
        tables.same("postalias", &["-q", key, "al"], "");
    }
    tables.same("postalias", &["-q", "-", "al"], "root\nnone\nk\n");
}
