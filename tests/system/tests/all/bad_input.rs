//! What no client should send: a clear reply or a close, bounded memory, and nobody else notices.

use std::os::unix::net::UnixStream;

use support::{Demo, Line, eventually};

use crate::mail::{lmtp, message, send, token};

const BOB: &str = "bob@example.test";
/// No single nasty client may make a daemon grow by more (KiB).
const MOST_GROWTH_KIB: u64 = 48 * 1024;

/// Peak resident memory of a daemon, in KiB.
fn peak(demo: &Demo, daemon: &str) -> u64 {
    let pid = demo.daemon_pid(daemon).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Runs `attack`, then checks that the daemon lives on as the same process, and didn't grow much.
fn survives(demo: &Demo, daemon: &str, attack: impl FnOnce()) {
    let (pid, before) = (demo.daemon_pid(daemon), peak(demo, daemon));
    attack();
    assert_eq!(demo.daemon_pid(daemon), pid, "{daemon} died");
    let grown = peak(demo, daemon).saturating_sub(before);
    assert!(grown < MOST_GROWTH_KIB, "{daemon} grew by {grown} KiB");
}

/// Mail still flows and is read.
fn works(demo: &Demo) {
    let token = token("works");
    let reply =
        send(&mut demo.smtp(), "a@remote.test", &[BOB], &message("a@remote.test", BOB, &token));
    assert!(reply.starts_with("250 2."), "{reply}");
    let found = demo.imap(BOB).imap("x STATUS INBOX (MESSAGES)", "OK");
    assert!(found.iter().any(|line| line.contains("MESSAGES")), "{found:?}");
    assert_eq!(demo.maildir(BOB).count(&token), 1);
}

#[test]
fn smtp_overlong_lines_nul_and_bare_ends() {
    let demo = Demo::start();
    survives(&demo, "smtpd", || {
        let mut line = demo.smtp();
        let long = format!("NOOP {}", "x".repeat(1_000_000));
        let reply = line.say(&long).reply();
        assert!(reply.starts_with('5'), "{reply}");
        line.ask("NOOP", "250 ");
        let reply = line.say("NO\0OP").reply();
        assert!(reply.starts_with('5'), "{reply}");
        // An endless line without an end.
        let mut endless = demo.smtp();
        let part = "y".repeat(65_536);
        for _ in 0..256 {
            if !endless.try_send(part.as_bytes()) {
                break;
            }
        }
    });
    works(&demo);
    demo.stop();
}

#[test]
fn only_crlf_dot_crlf_ends_data() {
    let demo = Demo::start();
    let enders = [
        "\n.\n",
        "\n.\r\n",
        "\r\n.\n",
        "\r.\r",
        "\r\n.\r",
        "\r.\r\n",
        "\n.\r",
        "\0.\r\n",
        "\r\n.\0\r\n",
        "\r\n\0.\r\n",
    ];
    for ender in enders {
        let token = token("smuggle");
        let mut line = demo.smtp();
        line.ask("MAIL FROM:<a@remote.test>", "250 ");
        line.ask(&format!("RCPT TO:<{BOB}>"), "250 ");
        line.ask("DATA", "354 ");
        let smuggled = format!(
            "MAIL FROM:<evil@remote.test>\r\nRCPT TO:<{BOB}>\r\nDATA\r\nSubject: evil-{token}\r\n\r\nx"
        );
        line.send(format!("Subject: {token}\r\n\r\nbefore{ender}{smuggled}\r\n.\r\n").as_bytes());
        let reply = line.reply();
        assert!(reply.starts_with("250 2.") || reply.starts_with('5'), "{ender:?}: {reply}");
        line.ask("NOOP", "250 ");
        let stored = demo.maildir(BOB).messages();
        let holding = stored.iter().filter(|text| text.contains(&token)).count();
        assert_eq!(
            holding,
            usize::from(reply.starts_with("250")),
            "{ender:?} made one message two"
        );
    }
    works(&demo);
    demo.stop();
}

#[test]
fn ten_thousand_recipients_and_a_thousand_unknown_commands() {
    let demo = Demo::start();
    survives(&demo, "smtpd", || {
        let mut line = demo.smtp();
        line.ask("MAIL FROM:<a@remote.test>", "250 ");
        let mut taken = 0;
        let mut refused = 0;
        for _ in 0..10_000 {
            let reply = line.say(&format!("RCPT TO:<{BOB}>")).reply();
            match reply.get(..3) {
                Some("250") => taken += 1,
                Some("452") => refused += 1,
                Some("421") => break,
                _ => panic!("{reply}"),
            }
        }
        assert!(taken >= 100 && refused > 0, "{taken} taken, {refused} refused");
        drop(line);

        let mut line = demo.smtp();
        let mut heard = 0;
        for _ in 0..1_000 {
            if !line.try_send(b"FOO\r\n") {
                break;
            }
        }
        while let Some(reply) = line.hear() {
            heard += 1;
            assert!(reply.starts_with('5') || reply.starts_with('4'), "{reply}");
        }
        assert!(heard < 1_000, "closed long before the thousandth");
    });
    works(&demo);
    demo.stop();
}

#[test]
fn imap_literals_nesting_and_garbage() {
    let demo = Demo::start();
    survives(&demo, "imapd", || {
        let mut line = demo.imap(BOB);
        line.say("a APPEND INBOX {4294967296}");
        let reply = line.hear().unwrap_or_default();
        assert!(reply.starts_with("a NO") || reply.starts_with("a BAD"), "{reply}");
        line.imap("b NOOP", "OK");
        line.say("c LOGIN {4000000000}");
        let reply = line.hear().unwrap_or_default();
        assert!(reply.starts_with("c NO") || reply.starts_with("c BAD"), "{reply}");
        line.imap("d SELECT INBOX", "OK");
        let nested = format!("e SEARCH {}ALL{}", "(".repeat(20_000), ")".repeat(20_000));
        line.imap(&nested, "BAD");
        line.imap(&format!("f UID FETCH {} FLAGS", "1,".repeat(10_000).trim_end_matches(',')), "");
        line.imap("g NOOP", "OK");
        drop(line);

        // Before login: a tag of a megabyte, a literal that never comes, bytes of every value.
        let mut line = Line::tcp(&demo.at.imap);
        line.hear();
        line.try_send(&vec![b'a'; 1 << 20]);
        line.try_send(b"\r\n");
        let mut line = Line::tcp(&demo.at.imap);
        line.hear();
        line.try_send(b"a LOGIN {5+}\r\n");
        line.half_close();
        line.until_closed();
        let mut line = Line::tcp(&demo.at.imap);
        line.hear();
        let all: Vec<u8> = (0..=255u8).cycle().take(100_000).collect();
        line.try_send(&all);
        line.half_close();
        line.until_closed();
    });
    works(&demo);
    demo.stop();
}

#[test]
fn garbage_on_every_unix_socket() {
    let demo = Demo::start();
    let sockets: Vec<(String, String)> = [
        ("lmtpd", &demo.at.lmtp),
        ("qmgrd", &demo.at.queue),
        ("smtpd", &demo.at.internal),
        ("relayd", &demo.at.relay),
        ("authd", &demo.at.auth_client),
        ("authd", &demo.at.auth_userdb),
    ]
    .into_iter()
    .chain(demo.at.admin.iter().map(|(name, path)| (name.as_str(), path)))
    .map(|(name, path)| (name.to_owned(), path.clone()))
    .collect();
    assert!(sockets.len() >= 12, "{sockets:?}");
    let noise: Vec<u8> =
        (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for (daemon, path) in &sockets {
        survives(&demo, daemon, || {
            for chunk in [&noise[..], b"\n", b"\r\n\r\n", b"VERSION\t9\t9\n", b"\0\0\0\0"] {
                let mut line = Line::unix(path);
                line.try_send(chunk);
            }
            // A connection that says nothing and one that closes its half at once.
            let silent = UnixStream::connect(path).unwrap();
            let half = UnixStream::connect(path).unwrap();
            half.shutdown(std::net::Shutdown::Write).unwrap();
            let mut rest = Vec::new();
            let _ = std::io::Read::read_to_end(&mut &half, &mut rest);
            drop(silent);
        });
    }
    works(&demo);
    demo.stop();
}

#[test]
fn half_closed_in_the_middle_of_data_is_no_message() {
    let demo = Demo::start();
    let token = token("half");
    let mut line = demo.smtp();
    line.ask("MAIL FROM:<a@remote.test>", "250 ");
    line.ask(&format!("RCPT TO:<{BOB}>"), "250 ");
    line.ask("DATA", "354 ");
    line.send(format!("Subject: {token}\r\n\r\nnot all of it\r\n").as_bytes());
    line.half_close();
    line.until_closed();
    let mut line = lmtp(&demo.at.lmtp);
    line.ask("MAIL FROM:<a@remote.test>", "250 ");
    line.ask(&format!("RCPT TO:<{BOB}>"), "250 ");
    line.ask("DATA", "354 ");
    line.send(format!("Subject: {token}\r\n\r\nnot all of it\r\n").as_bytes());
    drop(line);
    works(&demo);
    assert_eq!(demo.maildir(BOB).count(&token), 0);
    eventually("nothing left in tmp/", || demo.maildir(BOB).files("tmp").is_empty().then_some(()));
    demo.stop();
}
