//! Debian's Postfix in front: it hands mail to lmtpd and asks authd for SASL, as our users have it.
//!
//! A private instance: its own configuration, queue and data folders, on ports of loopback.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use nix::unistd::geteuid;
use support::{Demo, Line, Options, eventually, tools};

use crate::mail::{message, send, token};

const ALICE: &str = "alice@example.test";
const BOB: &str = "bob@example.test";

/// A running Postfix; dropped, it is stopped.
struct Postfix {
    config: PathBuf,
    address: String,
    _folder: tempfile::TempDir,
}

impl Postfix {
    fn start(demo: &Demo) -> Self {
        tools::need("/usr/sbin/postfix", "postfix");
        assert!(
            geteuid().is_root(),
            "Postfix's master needs root: run the tests as root, or in a container"
        );
        let folder = tempfile::Builder::new().prefix("dvt-pfx").tempdir().unwrap();
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let (config, queue, data) =
            (folder.path().join("etc"), folder.path().join("queue"), folder.path().join("data"));
        for path in [&config, &queue, &data] {
            fs::create_dir(path).unwrap();
        }
        tools::run(Command::new("chown").arg("postfix").arg(&data));
        let port = free_port();
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {queue}\ndata_directory = {data}\nmaillog_file = {log}\nmaillog_file_prefixes = /tmp, /var\n\
             inet_protocols = ipv4\nalias_maps =\nalias_database =\nlocal_recipient_maps =\n\
             virtual_mailbox_domains = example.test\nvirtual_mailbox_maps =\n\
             virtual_transport = lmtp:unix:{lmtp}\nlmtp_send_xforward_command = yes\n\
             smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = {auth}\nsmtpd_tls_auth_only = no\n\
             smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination\n\
             smtpd_recipient_restrictions =\nsmtp_dns_support_level = disabled\nlmtp_host_lookup = native\n\
             smtpd_peername_lookup = no\nnotify_classes =\nqueue_run_delay = 1s\nminimal_backoff_time = 1s\n",
            queue = queue.display(),
            data = data.display(),
            lmtp = demo.at.lmtp,
            auth = demo.at.auth_client,
            log = folder.path().join("maillog").display(),
        );
        fs::write(config.join("main.cf"), main).unwrap();
        fs::write(config.join("master.cf"), master(port)).unwrap();
        tools::run(Command::new("/usr/sbin/postfix").arg("-c").arg(&config).arg("start"));
        Self { config, address: format!("127.0.0.1:{port}"), _folder: folder }
    }

    fn smtp(&self) -> Line {
        let mut line = eventually("Postfix's port", || Line::try_tcp(&self.address));
        line.expect("220 ");
        line.ask("EHLO client.test", "250 ");
        line
    }

    fn log(&self) -> String {
        fs::read_to_string(self._folder.path().join("maillog")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = Command::new("/usr/sbin/postfix").arg("-c").arg(&self.config).arg("stop").output();
        if std::thread::panicking() {
            println!("── Postfix's log\n{}", self.log());
        }
    }
}

/// A port that was free a moment ago. Postfix can't be handed a socket, so this much is left to it.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn master(port: u16) -> String {
    let services = [
        "pickup unix n - n 60 1 pickup",
        "cleanup unix n - n - 0 cleanup",
        "qmgr unix n - n 300 1 qmgr",
        "rewrite unix - - n - - trivial-rewrite",
        "bounce unix - - n - 0 bounce",
        "defer unix - - n - 0 bounce",
        "trace unix - - n - 0 bounce",
        "verify unix - - n - 1 verify",
        "flush unix n - n 1000? 0 flush",
        "proxymap unix - - n - - proxymap",
        "smtp unix - - n - - smtp",
        "relay unix - - n - - smtp",
        "showq unix n - n - - showq",
        "error unix - - n - - error",
        "retry unix - - n - - error",
        "discard unix - - n - - discard",
        "lmtp unix - - n - - lmtp",
        "anvil unix - - n - 1 anvil",
        "scache unix - - n - 1 scache",
        "postlog unix-dgram n - n - 1 postlogd",
    ];
    format!("127.0.0.1:{port} inet n - n - - smtpd\n{}\n", services.join("\n"))
}

#[test]
fn postfix_delivers_to_lmtpd_and_asks_authd() {
    // Postfix's programs run as its own users: the demo's sockets admit by mode alone.
    let demo = Options::default().start();
    let postfix = Postfix::start(&demo);

    let token = token("postfix");
    let reply =
        send(&mut postfix.smtp(), "a@remote.test", &[BOB], &message("a@remote.test", BOB, &token));
    assert!(reply.starts_with("250 2.0.0 Ok: queued as "), "{reply}");
    let queue_id = reply.rsplit(' ').next().unwrap().to_owned();
    eventually("the message at bob's", || (demo.maildir(BOB).count(&token) == 1).then_some(()));
    eventually("Postfix's word of it", || {
        postfix
            .log()
            .lines()
            .any(|l| {
                l.contains(&queue_id) && l.contains("status=sent (250 2.0.0 <bob@example.test>")
            })
            .then_some(())
    });
    assert!(
        demo.log().contains(&format!("origin={queue_id}")),
        "Postfix's id is logged, not believed"
    );

    // An unknown user is refused by lmtpd at RCPT; Postfix bounces it as it does with Dovecot.
    send(
        &mut postfix.smtp(),
        BOB,
        &["nobody@example.test"],
        &message(BOB, "nobody@example.test", &self::token("unknown")),
    );
    eventually("Postfix's bounce", || {
        let log = postfix.log();
        let told = log.lines().any(|l| {
            l.contains("to=<nobody@example.test>") && l.contains("dsn=5.1.1, status=bounced")
        });
        told.then_some(())
    });
    let bounce = eventually("the bounce at bob's", || {
        demo.maildir(BOB).messages().into_iter().find(|text| text.contains("multipart/report"))
    });
    assert!(bounce.contains("User doesn't exist: nobody@example.test"), "{bounce}");

    let mut line = postfix.smtp();
    let alice = demo.user(ALICE);
    let refusal =
        line.ask(&format!("AUTH PLAIN {}", support::demo::plain(ALICE, "wrong")), "535 5.7.8");
    assert!(refusal.contains("authentication failed"), "{refusal}");
    line.ask(&format!("AUTH PLAIN {}", support::demo::plain(ALICE, &alice.password)), "235 2.7.0");
    demo.stop();
}

#[test]
fn two_messages_under_one_queue_id_both_arrive() {
    // Postfix uses its queue ids again: what it says as IDENT must not make two messages one.
    let demo = Demo::start();
    let (first, second) = (token("same-id"), token("same-id"));
    for token in [&first, &second] {
        let mut line = crate::mail::lmtp(&demo.at.lmtp);
        line.ask(
            "XFORWARD NAME=[UNAVAILABLE] ADDR=192.0.2.1 PROTO=ESMTP HELO=c.test IDENT=B97AE9961B1",
            "250 ",
        );
        let reply = send(&mut line, "a@remote.test", &[BOB], &message("a@remote.test", BOB, token));
        assert!(reply.starts_with("250 2."), "{reply}");
    }
    assert_eq!((demo.maildir(BOB).count(&first), demo.maildir(BOB).count(&second)), (1, 1));
    demo.stop();
}
