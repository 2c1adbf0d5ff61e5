//! SIGKILL of random daemons under mixed load: SMTP, LMTP to lmtpd itself, IMAP APPEND, STORE and COPY.
//!
//! What was acknowledged is there, whole, at every recipient's; nothing is there twice but where a
//! connection died between the final dot (or APPEND's last octet) and the reply, so that the client had
//! to offer it again. The ledger is the clients', and in it stand the trace ids that the replies told.
//!
//! The daemon and the moment are drawn from a seed, which is printed; `DOVETAIL_SEED` draws the same
//! again. `DOVETAIL_KILLS` says how many; five hundred are for a change of delivery or of the spool.

mod ledger;
mod load;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use support::{Demo, Options, eventually};

use ledger::Parcel;
use load::{Append, Lmtp, Smtp, client};

const USUAL_KILLS: usize = 200;
const VICTIMS: &[&str] = &["authd", "smtpd", "qmgrd", "relayd", "lmtpd", "imapd"];
const USERS: &[&str] = &["alice@example.test", "bob@example.test", "carol@example.org"];
/// Where COPY puts what was appended.
const COPIES: &str = "Copies";

/// A small generator, so that a seed says everything (Marsaglia's xorshift).
pub(crate) struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// What all clients share.
#[derive(Default)]
struct Shared {
    ledger: Mutex<Vec<Parcel>>,
    stop: AtomicBool,
    tries: AtomicUsize,
}

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn what_was_acknowledged_survives_kills_under_mixed_load() {
    let seed = variable("DOVETAIL_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        now.as_nanos() as u64 | 1
    });
    let kills = variable("DOVETAIL_KILLS").unwrap_or(USUAL_KILLS);
    println!("DOVETAIL_SEED={seed} DOVETAIL_KILLS={kills}");
    let demo = Options::default()
        .config("qmgrd.toml", "retry_min = \"1s\"\nretry_max = \"2s\"\nwait = \"20s\"\n")
        .start();
    for user in USERS {
        demo.imap(user).imap(&format!("c CREATE {COPIES}"), "OK");
    }
    let began = Instant::now();
    let shared = Arc::<Shared>::default();
    let dice = |n: u64| Dice(seed.wrapping_mul(n + 3) | 1);
    let clients = [
        client(Smtp::to(&demo), dice(0), &shared),
        client(Smtp::to(&demo), dice(1), &shared),
        client(Smtp::to(&demo), dice(2), &shared),
        client(Lmtp::to(&demo), dice(3), &shared),
        client(Lmtp::to(&demo), dice(4), &shared),
        client(Append::to(&demo, USERS[0]), dice(5), &shared),
        client(Append::to(&demo, USERS[1]), dice(6), &shared),
    ];
    kill_at_random(&demo, kills, Dice(seed), &shared);
    shared.stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.join().unwrap();
    }
    let parcels = std::mem::take(&mut *shared.ledger.lock().unwrap());
    settle(&demo);
    let found = ledger::check(&demo, &parcels);
    println!(
        "{kills} kills in {} s; {} tries; {found}",
        began.elapsed().as_secs(),
        shared.tries.load(Ordering::SeqCst)
    );
    assert!(found.enough_for(kills), "too little to mean anything: {found}");
    demo.stop();
}

fn kill_at_random(demo: &Demo, kills: usize, mut dice: Dice, shared: &Shared) {
    for _ in 0..kills {
        // The moment: a number of further tries by the clients, whatever time that takes.
        let moment = shared.tries.load(Ordering::SeqCst) + dice.roll(10);
        eventually("the clients' going on", || {
            (shared.tries.load(Ordering::SeqCst) >= moment).then_some(())
        });
        demo.kill(VICTIMS[dice.roll(VICTIMS.len())]);
    }
}

/// Waits until the queue has delivered what it held.
fn settle(demo: &Demo) {
    eventually("an empty queue", || {
        demo.dovetail(&["queue", "flush"]);
        let output = demo.dovetail(&["queue", "list", "--json"]);
        String::from_utf8_lossy(&output.stdout).contains("\"messages\":[]").then_some(())
    });
}
