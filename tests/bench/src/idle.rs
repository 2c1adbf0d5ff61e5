//! How long after lmtpd's 250 a client in IDLE hears of the message.
//!
//! The clock starts when the final dot is sent, so the delivery itself, fsyncs included, is part of it.

use std::time::{Duration, Instant};

use support::{Demo, Line};

const DELIVERIES: usize = 200;
const BOB: &str = "bob@example.test";

/// Delivers one message after the other and prints minimum, median, 99th percentile and maximum.
pub(crate) fn measure() {
    let demo = Demo::start();
    let mut reader = demo.imap(BOB);
    reader.imap("a SELECT INBOX", "OK");
    reader.say("b IDLE");
    reader.until(|line| line.starts_with("+ "));
    let mut writer = Line::unix(&demo.at.lmtp);
    writer.expect("220 ");
    writer.ask("LHLO bench.test", "250 ");
    let mut times: Vec<Duration> =
        (1..=DELIVERIES).map(|count| deliver(&mut writer, &mut reader, count)).collect();
    times.sort();
    let millis = |at: usize| times[at].as_secs_f64() * 1000.0;
    let result = serde_json::json!({
        "benchmark": "idle",
        "deliveries": DELIVERIES,
        "from": "final dot sent",
        "to": "EXISTS read",
        "milliseconds": {
            "min": millis(0),
            "median": millis(DELIVERIES / 2),
            "p99": millis(DELIVERIES * 99 / 100),
            "max": millis(DELIVERIES - 1),
        }
    });
    println!("{result}");
    demo.stop();
}

fn deliver(writer: &mut Line, reader: &mut Line, count: usize) -> Duration {
    writer.ask("MAIL FROM:<a@remote.test>", "250 ");
    writer.ask(&format!("RCPT TO:<{BOB}>"), "250 ");
    writer.ask("DATA", "354 ");
    let begun = Instant::now();
    writer.send(format!("Subject: {count}\r\n\r\nhello\r\n.\r\n").as_bytes());
    reader.until(|line| line == format!("* {count} EXISTS"));
    let took = begun.elapsed();
    writer.expect("250 ");
    took
}
