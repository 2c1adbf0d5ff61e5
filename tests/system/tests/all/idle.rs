//! IDLE is woken by the delivery itself.

use std::fs;
use std::time::{Duration, Instant};

use support::Demo;

use crate::mail::{lmtp, message, send, token};

const BOB: &str = "bob@example.test";
const CAROL: &str = "carol@example.org";
/// Mail for others flows for so long: a poll would show in it.
const MEANWHILE: Duration = Duration::from_secs(3);
/// Wake-ups that may have another reason than a poll.
const STRAY_WAKEUPS: u64 = 4;

/// Wake-ups of an imapd that has nothing to do, in that time.
const MOST_ALONE: u64 = 20;

/// How often imapd's threads have gone to sleep of their own accord.
fn sleeps(demo: &Demo) -> u64 {
    let pid = demo.daemon_pid("imapd").unwrap();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let count = |task: fs::DirEntry| {
        let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches:"));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
    };
    tasks.map(count).sum()
}

#[test]
fn a_delivery_wakes_a_client_in_idle() {
    let demo = Demo::start();
    let mut reader = demo.imap(BOB);
    reader.imap("a SELECT INBOX", "OK");
    reader.say("b IDLE");
    reader.until(|line| line.starts_with("+ "));
    for count in 1..=20 {
        let mut line = lmtp(&demo.at.lmtp);
        let token = token("idle");
        let reply =
            send(&mut line, "a@remote.test", &[BOB], &message("a@remote.test", BOB, &token));
        assert!(reply.starts_with("250 2."), "{reply}");
        reader.until(|line| line == format!("* {count} EXISTS"));
    }
    reader.say("DONE");
    reader.until(|line| line.starts_with("b OK"));
    demo.stop();
}

#[test]
fn nothing_is_polled_meanwhile() {
    let demo = Demo::start();
    let mut reader = demo.imap(BOB);
    reader.imap("a SELECT INBOX", "OK");
    reader.say("b IDLE");
    reader.until(|line| line.starts_with("+ "));
    let pid = demo.daemon_pid("imapd").unwrap();
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let targets = descriptors.filter_map(|fd| fs::read_link(fd.path()).ok());
    let watchers = targets.filter(|target| target.to_string_lossy().contains("inotify")).count();
    assert_eq!(watchers, 1, "one inotify instance a daemon");

    // What imapd does by itself: it looks at its certificates now and then.
    let before = sleeps(&demo);
    std::thread::sleep(MEANWHILE);
    let alone = sleeps(&demo) - before;
    assert!(alone <= MOST_ALONE, "imapd woke {alone} times while nothing happened");

    let before = sleeps(&demo);
    let begun = Instant::now();
    let mut line = lmtp(&demo.at.lmtp);
    while begun.elapsed() < MEANWHILE {
        let token = token("others");
        send(&mut line, "a@remote.test", &[CAROL], &message("a@remote.test", CAROL, &token));
    }
    let woken = sleeps(&demo) - before;
    assert!(
        woken <= alone + STRAY_WAKEUPS,
        "imapd woke {woken} times for mail of others, {alone} without any"
    );
    reader.say("DONE");
    reader.until(|line| line.starts_with("b OK"));
    demo.stop();
}
