//! The command as the operator runs it: exit codes, tables, JSON, against canned daemons.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn run(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dovetail"))
        .arg("--config")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complained(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder whose daemon has its admin socket there, and a thread that answers one request after
/// the other; gives the requests' first lines and bodies.
fn canned(
    daemon: &str,
    answers: &[(&str, &str)],
) -> (tempfile::TempDir, std::thread::JoinHandle<Vec<String>>) {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("admin.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let text = format!("[listener.admin]\naddress = \"unix:{}\"\n", socket.display());
    std::fs::write(dir.path().join(format!("{daemon}.toml")), text).unwrap();
    let answers: Vec<(String, String)> =
        answers.iter().map(|(status, body)| ((*status).to_owned(), (*body).to_owned())).collect();
    let thread = std::thread::spawn(move || {
        let answer = |(status, body): &(String, String)| {
            let (mut stream, _) = listener.accept().unwrap();
            let asked = request(&mut BufReader::new(&stream));
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            asked
        };
        answers.iter().map(answer).collect()
    });
    (dir, thread)
}

fn request(stream: &mut impl BufRead) -> String {
    let (mut first, mut length) = (String::new(), 0);
    stream.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    format!("{} {}", first.trim(), String::from_utf8(body).unwrap()).trim().to_owned()
}

const QUEUE: &str = r#"{"messages":[
    {"queue_id":"Q1","message_size":420,"arrival_time":"2026-11-25T00:21:36.502+00:00","sender":"a@example.test",
     "recipients":[{"address":"x@remote.test","delay_reason":"connect: refused\u001b[2J"},{"address":"y@remote.test"}]},
    {"queue_id":"Q2","message_size":7,"arrival_time":0,"sender":"","recipients":[]}]}"#;

#[test]
fn the_queue_as_a_table_and_as_json() {
    let (dir, asked) =
        canned("qmgrd", &[("200 OK", QUEUE), ("200 OK", QUEUE), ("200 OK", "{\"messages\":[]}")]);
    let want = "\
ID  SIZE  ARRIVED                        FROM            TO             REASON
Q1  420   2026-11-25T00:21:36.502+00:00  a@example.test  x@remote.test  connect: refused\u{fffd}[2J
                                                         y@remote.test  -
Q2  7     1970-01-01T00:00:00.000+00:00  <>
";
    assert_eq!(said(&run(dir.path(), &["queue", "list"], "")), want);
    let json: Value =
        serde_json::from_str(&said(&run(dir.path(), &["queue", "list", "--json"], ""))).unwrap();
    assert_eq!(json["messages"][0]["queue_id"], "Q1");
    assert_eq!(said(&run(dir.path(), &["--json", "queue", "list"], "")), "{\"messages\":[]}\n");
    assert_eq!(asked.join().unwrap(), ["GET /v1/queue HTTP/1.1"; 3]);
}

#[test]
fn a_long_queue_comes_in_pieces() {
    let first = "{\"messages\":[{\"queue_id\":\"Q1\"}],\"next\":\"Q1\"}";
    let second = "{\"messages\":[{\"queue_id\":\"Q2\"}],\"next\":null}";
    let (dir, asked) = canned("qmgrd", &[("200 OK", first), ("200 OK", second)]);
    let want = "{\"messages\":[{\"queue_id\":\"Q1\"},{\"queue_id\":\"Q2\"}]}\n";
    assert_eq!(said(&run(dir.path(), &["queue", "list", "--json"], "")), want);
    assert_eq!(
        asked.join().unwrap(),
        ["GET /v1/queue HTTP/1.1", "GET /v1/queue?after=Q1 HTTP/1.1"]
    );
}

#[test]
fn the_queue_is_shown_flushed_and_emptied() {
    let gone = ("404 Not Found", "{\"error\":\"no entry Q9\"}");
    let (dir, asked) = canned(
        "qmgrd",
        &[
            ("200 OK", "{\"queue_id\":\"Q1\"}"),
            gone,
            ("200 OK", "{\"flushed\":2}"),
            ("200 OK", "{}"),
            ("200 OK", "{}"),
            gone,
        ],
    );
    assert_eq!(said(&run(dir.path(), &["queue", "show", "Q/1"], "")), "queue_id: Q1\n");
    let missing = run(dir.path(), &["queue", "show", "Q9"], "");
    assert_eq!(
        (missing.status.code(), complained(&missing)),
        (Some(67), "dovetail: no entry Q9\n".into())
    );
    assert_eq!(said(&run(dir.path(), &["queue", "flush"], "")), "flushed: 2\n");
    assert!(run(dir.path(), &["queue", "flush", "Q1"], "").status.success());
    assert_eq!(said(&run(dir.path(), &["queue", "delete", "Q1"], "")), "deleted Q1\n");
    assert_eq!(run(dir.path(), &["queue", "delete", "Q1"], "").status.code(), Some(67));
    let want = [
        "GET /v1/queue/Q%2F1 HTTP/1.1",
        "GET /v1/queue/Q9 HTTP/1.1",
        "POST /v1/queue/flush HTTP/1.1 {}",
        "POST /v1/queue/flush HTTP/1.1 {\"id\":\"Q1\"}",
        "DELETE /v1/queue/Q1 HTTP/1.1",
        "DELETE /v1/queue/Q1 HTTP/1.1",
    ];
    assert_eq!(asked.join().unwrap(), want);
}

#[test]
fn status_tells_who_is_away() {
    let (dir, asked) = canned(
        "authd",
        &[("200 OK", "{\"name\":\"authd\",\"pid\":7,\"started\":\"T\",\"connections\":3}")],
    );
    std::fs::write(
        dir.path().join("imapd.toml"),
        "[listener.admin]\naddress = \"unix:/nonexistent/a.sock\"\n",
    )
    .unwrap();
    let output = run(dir.path(), &["status"], "");
    assert_eq!(output.status.code(), Some(75));
    let lines: Vec<String> = said(&output).lines().map(str::to_owned).collect();
    assert!(
        lines[1].starts_with("authd   running  ") && lines[1].ends_with(" 3            unknown"),
        "{lines:?}"
    );
    assert!(lines[2].starts_with("imapd   away "), "{lines:?}");
    assert_eq!(lines[4], "authd: unknown: no answer about its health");
    assert!(lines[5].starts_with("imapd: away: /nonexistent/a.sock: "), "{lines:?}");
    asked.join().unwrap();
}

#[test]
fn sessions_are_listed_over_all_pieces_and_kicked() {
    let one = "{\"id\":1,\"protocol\":\"imap\",\"user\":\"alice\",\"address\":\"192.0.2.1:9\",\"since\":\"T\",\"state\":\"IDLE\"}";
    let (dir, asked) = canned(
        "imapd",
        &[
            ("200 OK", &format!("{{\"sessions\":[{one}],\"next\":1}}")),
            ("200 OK", "{\"sessions\":[{\"id\":7,\"user\":null}],\"next\":null}"),
            ("200 OK", &format!("{{\"kicked\":[{one}]}}")),
            ("404 Not Found", "{\"error\":\"there is no such session\"}"),
            ("200 OK", &format!("{{\"kicked\":[{one}]}}")),
        ],
    );
    let want = "\
ID       PROTOCOL  USER   ADDRESS      SINCE  STATE
imapd:1  imap      alice  192.0.2.1:9  T      IDLE
imapd:7  -         -      -            -      -
";
    assert_eq!(said(&run(dir.path(), &["who"], "")), want);
    let kicked = run(dir.path(), &["kick", "alice"], "");
    assert_eq!(said(&kicked), "kicked imapd:1 imap alice 192.0.2.1:9\n");
    let nobody = run(dir.path(), &["kick", "bob"], "");
    assert_eq!(
        (nobody.status.code(), complained(&nobody)),
        (Some(67), "dovetail: no session of bob\n".into())
    );
    assert!(run(dir.path(), &["kick", "imapd:1"], "").status.success());
    assert_eq!(run(dir.path(), &["who", "smtpd"], "").status.code(), Some(64));
    let want = [
        "GET /v1/sessions HTTP/1.1",
        "GET /v1/sessions?after=1 HTTP/1.1",
        "POST /v1/sessions/kick HTTP/1.1 {\"user\":\"alice\"}",
        "POST /v1/sessions/kick HTTP/1.1 {\"user\":\"bob\"}",
        "DELETE /v1/sessions/1 HTTP/1.1",
    ];
    assert_eq!(asked.join().unwrap(), want);
}

#[test]
fn a_reload_says_what_came_of_it() {
    let wrong = "{\"error\":\"reload failed; the running configuration stays:\\nx.toml:1:1: a\\nx.toml:2:1: b\"}";
    let (dir, asked) = canned(
        "imapd",
        &[
            ("200 OK", "{\"reloaded\":true,\"needs_restart\":[]}"),
            ("200 OK", "{\"reloaded\":true,\"needs_restart\":[\"listener\"]}"),
            ("422 Unprocessable Entity", wrong),
        ],
    );
    assert_eq!(said(&run(dir.path(), &["reload"], "")), "imapd: reloaded\n");
    let restart = run(dir.path(), &["reload", "imapd"], "");
    assert_eq!(said(&restart), "imapd: reloaded; needs restart: listener\n");
    let failed = run(dir.path(), &["reload"], "");
    assert_eq!(failed.status.code(), Some(78));
    let want =
        "imapd: reload failed; the running configuration stays:\nx.toml:1:1: a\nx.toml:2:1: b\n";
    assert_eq!(said(&failed), want);
    assert_eq!(asked.join().unwrap(), ["POST /v1/reload HTTP/1.1"; 3]);
}

#[test]
fn nobody_there_is_75_and_wrong_usage_64() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("none.sock").display().to_string();
    for arguments in
        [&["auth", "test", "a", "b", "--socket", &socket][..], &["user", "a", "--socket", &socket]]
    {
        let output = run(dir.path(), arguments, "");
        assert_eq!(output.status.code(), Some(75), "{}", complained(&output));
    }
    assert_eq!(run(dir.path(), &["queue"], "").status.code(), Some(64));
    assert_eq!(run(dir.path(), &["nonsense"], "").status.code(), Some(64));
    assert_eq!(run(dir.path(), &["--help"], "").status.code(), Some(0));
}

#[test]
fn stored_passwords_are_made_and_checked() {
    let dir = tempfile::tempdir().unwrap();
    for scheme in ["SHA512-CRYPT", "SSHA512", "BLF-CRYPT", "ARGON2ID"] {
        let stored = said(&run(dir.path(), &["pw", "-s", scheme], "secret word\n"));
        assert!(stored.starts_with(&format!("{{{scheme}}}")), "{stored}");
        let test = |word: &str| run(dir.path(), &["pw", "-t", stored.trim()], word);
        assert_eq!(said(&test("secret word\n")), "(verified)\n");
        assert_eq!(test("secret\n").status.code(), Some(77));
    }
    assert_eq!(run(dir.path(), &["pw", "-s", "ROT13"], "x").status.code(), Some(64));
}

#[test]
fn configuration_is_checked_and_sampled() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("relayd.toml"), "prot = 26\n[routes]\n\"a.test\" = 3\n")
        .unwrap();
    let output = run(dir.path(), &["config", "check"], "");
    assert_eq!(output.status.code(), Some(78));
    let file = dir.path().join("relayd.toml").display().to_string();
    let want = format!(
        "{file}:1:1: unknown key `prot`; did you mean `port`?\n\
         {file}:3:12: `routes.a.test`: want a string, found an integer; write \"3\"\n"
    );
    assert_eq!(said(&output), want);
    let json: Value =
        serde_json::from_str(&said(&run(dir.path(), &["config", "check", "--json"], ""))).unwrap();
    assert_eq!(json["problems"][1]["line"], 3);

    let sample = said(&run(dir.path(), &["config", "sample", "relayd"], ""));
    assert!(sample.contains("\n#port = 25\n"), "{sample}");
    // Root's check looks its user up.
    let sample = format!("user = \"nobody\"\ngroup = \"65534\"\ngroups = []\n{sample}");
    std::fs::write(dir.path().join("relayd.toml"), sample).unwrap();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let output = run(dir.path(), &["config", "check"], "");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn debug_is_switched_and_shown() {
    let on = "{\"on\":true,\"configured\":\"info\",\"level\":\"trace\",\"target\":\"auth\",\"for\":\"10m\"}";
    let off = "{\"on\":false,\"configured\":\"info\",\"level\":null,\"target\":null,\"for\":null}";
    let refusal = "{\"error\":\"`for` is no duration\"}";
    let (dir, asked) = canned(
        "imapd",
        &[
            ("200 OK", on),
            ("200 OK", off),
            ("400 Bad Request", refusal),
            ("200 OK", off),
            ("200 OK", on),
        ],
    );
    let words = ["debug", "imapd", "on", "--for", "10m", "--target", "auth", "--trace"];
    let want = "\
DAEMON  DEBUG  LEVEL  TARGET  STILL FOR
imapd   on     trace  auth    10m
";
    assert_eq!(said(&run(dir.path(), &words, "")), want);
    let off_now = run(dir.path(), &["debug", "imapd", "off", "--json"], "");
    assert_eq!(said(&off_now), format!("{}\n", serde_json::from_str::<Value>(off).unwrap()));
    let wrong = run(dir.path(), &["debug", "imapd", "on", "--for", "long"], "");
    assert_eq!(wrong.status.code(), Some(64));
    assert_eq!(complained(&wrong), "dovetail: `for` is no duration\n");
    assert!(said(&run(dir.path(), &["debug", "imapd"], "")).contains("imapd   off    info"));
    assert_eq!(said(&run(dir.path(), &["debug"], "")), want);
    let asked = asked.join().unwrap();
    let body = asked[0].strip_prefix("POST /v1/debug HTTP/1.1 ").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let want = serde_json::json!({"on": true, "for": "10m", "target": "auth", "level": "trace"});
    assert_eq!(body, want);
    assert!(asked[1].starts_with("POST /v1/debug HTTP/1.1 ") && asked[1].contains("\"on\":false"));
    assert_eq!(asked[3..], ["GET /v1/debug HTTP/1.1"; 2]);
    for words in [["debug", "nobody"].as_slice(), &["debug", "on"]] {
        assert_eq!(run(dir.path(), words, "").status.code(), Some(67), "{words:?}");
    }
    assert_eq!(run(dir.path(), &["debug", "--trace"], "").status.code(), Some(64));
    // Nobody answers any more.
    assert_eq!(run(dir.path(), &["debug"], "").status.code(), Some(75));
    assert_eq!(run(dir.path(), &["debug", "imapd", "on"], "").status.code(), Some(75));
}
