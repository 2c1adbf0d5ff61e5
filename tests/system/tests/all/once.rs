//! One message is stored once, whatever becomes of the connection that offers it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::{Demo, Line, Options, eventually};

use crate::mail::{lmtp, message, send, stuffed, token};

const BOB: &str = "bob@example.test";
const CAROL: &str = "carol@example.org";

/// A demo whose lmtpd believes the trace ids of the user that runs the test.
fn trusting() -> Options {
    let uid = nix::unistd::geteuid();
    Options::default().config("lmtpd.toml", &format!("trusted_ids = [{uid}]\n"))
}

/// Offers a message under a trace id, up to and with its final dot.
fn offer(demo: &Demo, id: &str, to: &[&str], token: &str) -> Line {
    let mut line = lmtp(&demo.at.lmtp);
    line.ask(&format!("XFORWARD IDENT={id}"), "250 ");
    line.ask("MAIL FROM:<a@remote.test>", "250 ");
    for recipient in to {
        line.ask(&format!("RCPT TO:<{recipient}>"), "250 ");
    }
    line.ask("DATA", "354 ");
    line.send(stuffed(&message("a@remote.test", to[0], token)).as_bytes());
    line
}

/// A trace id of now, with `last` as its last characters.
fn trace_id(last: &str) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut millis =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let mut time = [b'0'; 8];
    for digit in time.iter_mut().rev() {
        *digit = DIGITS[(millis % 62) as usize];
        millis /= 62;
    }
    format!("{}{last:0>12}", String::from_utf8_lossy(&time))
}

#[test]
fn the_same_id_offered_again_is_one_message_and_another_id_is_another() {
    let demo = trusting().start();
    let token = token("again");
    let first = trace_id("first");
    for _ in 0..3 {
        offer(&demo, &first, &[BOB], &token).expect("250 2.");
    }
    assert_eq!(demo.maildir(BOB).count(&token), 1);
    // A further recipient of the same message is not the same delivery.
    let mut line = offer(&demo, &first, &[BOB, CAROL], &token);
    line.expect("250 2.");
    line.expect("250 2.");
    assert_eq!((demo.maildir(BOB).count(&token), demo.maildir(CAROL).count(&token)), (1, 1));
    offer(&demo, &trace_id("second"), &[BOB], &token).expect("250 2.");
    assert_eq!(demo.maildir(BOB).count(&token), 2);
    demo.stop();
}

#[test]
fn a_client_that_leaves_before_the_reply_may_offer_again() {
    let demo = trusting().start();
    for round in 0..10 {
        let token = token("left");
        let id = trace_id(&format!("left{round}"));
        drop(offer(&demo, &id, &[BOB], &token));
        offer(&demo, &id, &[BOB], &token).expect("250 2.");
        assert_eq!(demo.maildir(BOB).count(&token), 1, "round {round}");
    }
    demo.stop();
}

#[test]
fn killed_between_rename_and_reply_it_is_still_one() {
    let demo = trusting().start();
    for round in 0..10 {
        let token = token("killed");
        let id = trace_id(&format!("killed{round}"));
        let line = offer(&demo, &id, &[BOB], &token);
        eventually("the file", || (demo.maildir(BOB).count(&token) == 1).then_some(()));
        demo.kill("lmtpd");
        drop(line);
        offer(&demo, &id, &[BOB], &token).expect("250 2.");
        assert_eq!(demo.maildir(BOB).count(&token), 1, "round {round}");
    }
    demo.stop();
}

/// Stands between qmgrd and lmtpd and holds back each reply that follows a final dot, as often as told.
struct Holder {
    path: PathBuf,
    held: Arc<AtomicUsize>,
}

impl Holder {
    fn start(path: PathBuf, lmtpd: String, to_hold: usize) -> Self {
        let listener = UnixListener::bind(&path).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777))
            .unwrap();
        let held = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&held);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (lmtpd, count) = (lmtpd.clone(), Arc::clone(&count));
                std::thread::spawn(move || pass(client, &lmtpd, to_hold, &count));
            }
        });
        Self { path, held }
    }
}

fn pass(client: UnixStream, lmtpd: &str, to_hold: usize, held: &AtomicUsize) -> Option<()> {
    let server = UnixStream::connect(lmtpd).ok()?;
    let (mut up, mut from_client) = (server.try_clone().ok()?, client.try_clone().ok()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut up);
        let _ = up.shutdown(std::net::Shutdown::Write);
    });
    let mut replies = BufReader::new(server);
    let mut in_data = false;
    loop {
        let mut line = String::new();
        if replies.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if in_data && held.fetch_add(1, Ordering::SeqCst) < to_hold {
            // Held until the client gives the connection up.
            let mut rest = Vec::new();
            let _ = (&client).read_to_end(&mut rest);
            return None;
        }
        in_data = line.starts_with("354");
        (&client).write_all(line.as_bytes()).ok()?;
    }
}

#[test]
fn a_reply_held_back_until_the_queue_gives_up_means_one_copy() {
    let folder = tempfile::Builder::new().prefix("dvt-hold").tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .unwrap();
    let socket = folder.path().join("lmtp.sock");
    let text = format!("local_lmtp = \"{}\"\n", socket.display());
    let demo = trusting()
        .config("domains.toml", &text)
        .config("smtpd.toml", "straight_in = false\n")
        .config("qmgrd.toml", "wait = \"1s\"\nretry_min = \"1s\"\nretry_max = \"1s\"\n")
        .start();
    let holder = Holder::start(socket, demo.at.lmtp.clone(), 2);
    assert!(Path::new(&holder.path).exists());
    let token = token("held");
    let reply =
        send(&mut demo.smtp(), "a@remote.test", &[BOB], &message("a@remote.test", BOB, &token));
    assert!(reply.starts_with("250 2."), "{reply}");
    eventually("two replies held and the third let through", || {
        (holder.held.load(Ordering::SeqCst) >= 3).then_some(())
    });
    eventually("an empty queue", || {
        let output = demo.dovetail(&["queue", "list", "--json"]);
        String::from_utf8_lossy(&output.stdout).contains("\"messages\":[]").then_some(())
    });
    assert_eq!(demo.maildir(BOB).count(&token), 1);
    demo.stop();
}
