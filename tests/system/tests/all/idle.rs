//! IDLE is woken by the delivery itself.

use support::Demo;

use crate::mail::{lmtp, message, send, token};

const BOB: &str = "bob@example.test";

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
