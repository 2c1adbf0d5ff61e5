//! A hundred times SIGKILL under load: what got a 250 is delivered to each recipient or still queued,
//! whole, and once.
//!
//! The ledger is the clients': a message counts only when its 250 was read. The daemon and the moment
//! are drawn from a seed, which a failing run prints.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use support::{Demo, Line, Options, eventually};

use crate::mail::{stuffed, token};

const KILLS: usize = 100;
const CLIENTS: usize = 4;
const VICTIMS: &[&str] = &["authd", "smtpd", "qmgrd", "relayd", "lmtpd", "imapd"];
const USERS: &[&str] = &["alice@example.test", "bob@example.test", "carol@example.org"];

/// A small generator, so that a seed says everything (Marsaglia's xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// A message whose 250 was read.
struct Acknowledged {
    token: String,
    to: Vec<&'static str>,
}

/// A body that shows whether it is whole: numbered lines, and a last one.
fn content(token: &str, lines: usize) -> String {
    let body: String = (0..lines).map(|n| format!("{token} line {n}\r\n")).collect();
    format!("From: <a@remote.test>\r\nSubject: {token}\r\n\r\n{body}{token} end\r\n")
}

/// One message over one connection; true if its 250 came. Anything else is a loss that nobody was
/// promised against.
fn try_send(address: &str, token: &str, to: &[&str], lines: usize) -> Option<bool> {
    let mut line = Line::try_tcp(address)?;
    let mut ask = |text: &str, wanted: &str| -> Option<bool> {
        if !text.is_empty() && !line.try_send(format!("{text}\r\n").as_bytes()) {
            return None;
        }
        loop {
            let heard = line.hear()?;
            if heard.as_bytes().get(3) != Some(&b'-') {
                return Some(heard.starts_with(wanted));
            }
        }
    };
    ask("", "220 ")?;
    ask("EHLO client.test", "250 ")?;
    ask("MAIL FROM:<a@remote.test>", "250 ")?.then_some(())?;
    for recipient in to {
        ask(&format!("RCPT TO:<{recipient}>"), "250 ")?.then_some(())?;
    }
    ask("DATA", "354 ")?.then_some(())?;
    if !line.try_send(stuffed(&content(token, lines)).as_bytes()) {
        return None;
    }
    let heard = line.hear()?;
    Some(heard.starts_with("250 "))
}

#[test]
fn what_was_acknowledged_survives_a_hundred_kills() {
    let seed =
        std::env::var("DOVETAIL_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(|| {
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos()
                as u64
                | 1
        });
    println!("DOVETAIL_SEED={seed}");
    let demo = Options::default()
        .config("qmgrd.toml", "retry_min = \"1s\"\nretry_max = \"2s\"\nwait = \"20s\"\n")
        .start();
    let ledger = Arc::new(Mutex::new(Vec::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let tries = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> =
        (0..CLIENTS).map(|n| client(&demo, n, seed, &ledger, &stop, &tries)).collect();

    let mut dice = Dice(seed);
    for _ in 0..KILLS {
        // The moment: a number of further tries by the clients, whatever time that takes.
        let moment = tries.load(Ordering::SeqCst) + dice.roll(6);
        eventually("the clients' going on", || {
            (tries.load(Ordering::SeqCst) >= moment).then_some(())
        });
        demo.kill(VICTIMS[dice.roll(VICTIMS.len())]);
    }
    stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.join().unwrap();
    }
    let acknowledged = std::mem::take(&mut *ledger.lock().unwrap());
    println!(
        "{} tries, {} acknowledged, {KILLS} kills",
        tries.load(Ordering::SeqCst),
        acknowledged.len()
    );
    assert!(
        acknowledged.len() >= KILLS,
        "too few messages to mean anything: {}",
        acknowledged.len()
    );
    settle(&demo);
    check(&demo, &acknowledged);
    demo.stop();
}

fn client(
    demo: &Demo,
    number: usize,
    seed: u64,
    ledger: &Arc<Mutex<Vec<Acknowledged>>>,
    stop: &Arc<AtomicBool>,
    tries: &Arc<AtomicUsize>,
) -> std::thread::JoinHandle<()> {
    let address = demo.at.smtp.clone();
    let (ledger, stop, tries) = (Arc::clone(ledger), Arc::clone(stop), Arc::clone(tries));
    std::thread::spawn(move || {
        let mut dice = Dice(seed.wrapping_mul(number as u64 + 3) | 1);
        while !stop.load(Ordering::SeqCst) {
            let token = token("kill");
            let to: Vec<&'static str> = if dice.roll(2) == 0 {
                vec![USERS[dice.roll(USERS.len())]]
            } else {
                USERS.to_vec()
            };
            let lines = [1, 20, 2000][dice.roll(3)];
            if try_send(&address, &token, &to, lines) == Some(true) {
                ledger.lock().unwrap().push(Acknowledged { token, to });
            }
            tries.fetch_add(1, Ordering::SeqCst);
        }
    })
}

/// Waits until the queue has delivered what it held.
fn settle(demo: &Demo) {
    eventually("an empty queue", || {
        demo.dovetail(&["queue", "flush"]);
        let output = demo.dovetail(&["queue", "list", "--json"]);
        String::from_utf8_lossy(&output.stdout).contains("\"messages\":[]").then_some(())
    });
}

fn check(demo: &Demo, acknowledged: &[Acknowledged]) {
    let boxes: Vec<(&str, Vec<String>)> =
        USERS.iter().map(|user| (*user, demo.maildir(user).messages())).collect();
    for Acknowledged { token, to } in acknowledged {
        for (user, messages) in boxes.iter().filter(|(user, _)| to.contains(user)) {
            let subject = format!("Subject: {token}\n");
            let copies = messages.iter().filter(|text| text.contains(&subject)).count();
            assert_eq!(copies, 1, "{token} at {user}");
        }
    }
    for (user, messages) in &boxes {
        for text in messages {
            let Some(token) = text.split("Subject: ").nth(1).and_then(|rest| rest.lines().next())
            else {
                panic!("a torn message at {user}: {text:?}");
            };
            assert!(text.ends_with(&format!("{token} end\n")), "a torn message at {user}: {token}");
        }
    }
}
