//! Certificates as certbot renews them: copied to the daemons, taken up while they are served, with
//! every connection kept; and what of a client's certificate is told.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use support::demo::{binary, plain};
use support::{Authority, Demo, Issued, Line, Options, eventually, tools};

use crate::mail::{lmtp, message, send, stuffed, token};

const ALICE: &str = "alice@example.test";
const BOB: &str = "bob@example.test";
/// How soon a renewed certificate must be served.
const SOON: Duration = Duration::from_secs(5);

/// certbot's folder, the daemons' copies, and the configuration of what goes where.
struct Site {
    authority: Authority,
    folder: tempfile::TempDir,
}

impl Site {
    /// With the first certificate, copied.
    fn new(first: &Issued, authority: Authority) -> Self {
        let folder = tempfile::Builder::new().prefix("dvtls").tempdir().unwrap();
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let site = Self { authority, folder };
        for (inner, mode) in [("live", 0o700), ("archive", 0o700), ("etc", 0o755)] {
            fs::create_dir(site.path(inner)).unwrap();
            fs::set_permissions(site.path(inner), PermissionsExt::from_mode(mode)).unwrap();
        }
        for inner in ["live/x", "archive/x"] {
            fs::create_dir(site.path(inner)).unwrap();
        }
        fs::write(site.path("ca.pem"), &site.authority.certificate).unwrap();
        let (live, copies) = (site.path("live/x"), site.path("tls"));
        let tls = format!(
            "folder = \"{}\"\n[copy.x]\ncertificate = \"{1}/fullchain.pem\"\n\
             key = \"{1}/privkey.pem\"\ndaemons = [\"smtpd\", \"imapd\"]\n",
            copies.display(),
            live.display()
        );
        fs::write(site.path("etc/tls.toml"), tls).unwrap();
        for daemon in ["smtpd", "imapd"] {
            fs::write(site.path(&format!("etc/{daemon}.toml")), "user = \"nobody\"\n").unwrap();
        }
        site.renew(1, first, || {});
        site
    }

    fn path(&self, inner: &str) -> PathBuf {
        self.folder.path().join(inner)
    }

    fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// As certbot does it: new files in archive/, then one link after the other.
    fn renew(&self, number: u32, issued: &Issued, between: impl FnOnce()) {
        for (name, text) in [("fullchain", &issued.chain), ("privkey", &issued.key)] {
            let file = self.path(&format!("archive/x/{name}{number}.pem"));
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        }
        let link = |name: &str| {
            let link = self.path(&format!("live/x/{name}.pem"));
            let _ = fs::remove_file(&link);
            symlink(format!("../../archive/x/{name}{number}.pem"), link).unwrap();
        };
        link("fullchain");
        between();
        link("privkey");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary("dovetail"));
        command.arg("--config").arg(self.path("etc")).args(arguments);
        command
    }

    fn dovetail(&self, arguments: &[&str]) -> Output {
        tools::finish(&mut self.command(arguments), "")
    }

    /// A demo whose smtpd and imapd show the copies.
    fn demo(&self) -> Demo {
        let tls = |daemon: &str| {
            let copy = self.path(&format!("tls/{daemon}/x.pem"));
            format!("[tls]\ncertificate = \"{0}\"\nkey = \"{0}\"\n", copy.display())
        };
        let options = Options::default().config("smtpd.toml", &tls("smtpd"));
        options.config("imapd.toml", &tls("imapd")).start()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Waits until both daemons show it; at most so long as an operator was promised.
fn shown_soon(demo: &Demo, issued: &Issued, ca: &Path) {
    let begun = Instant::now();
    for address in [&demo.at.submissions, &demo.at.imaps] {
        eventually("the new certificate", || issued.is_shown(address, ca).then_some(()));
    }
    let took = begun.elapsed();
    println!("both daemons showed it after {took:?}");
    assert!(took <= SOON, "{took:?}");
}

#[test]
fn certbots_renewal_drops_no_connection() {
    let authority = Authority::default();
    let first = authority.issue(&["localhost"]);
    let site = Site::new(&first, authority);
    let copied = site.dovetail(&["tls", "copy"]);
    assert!(copied.status.success(), "{}", said(&copied));
    assert!(said(&copied).contains("smtpd: x: copied to "), "{}", said(&copied));
    let again = site.dovetail(&["tls", "copy"]);
    assert!(said(&again).contains("imapd/x.pem is as it should be"), "{}", said(&again));

    let demo = site.demo();
    let ca = site.ca();
    let ca_text = ca.to_str().unwrap();
    shown_soon(&demo, &first, &ca);
    // Somebody reads mail, somebody is in the middle of a message.
    let user = demo.user(BOB);
    let mut reader = Line::tls(&demo.at.imaps, ca_text);
    reader.hear().expect("a greeting");
    reader.imap(&format!("l LOGIN {} {}", user.login, user.password), "OK");
    reader.imap("s SELECT INBOX", "OK");
    reader.say("i IDLE");
    reader.until(|line| line.starts_with("+ "));
    let mut writer = Line::tls(&demo.at.submissions, ca_text);
    writer.expect("220 ");
    writer.ask("EHLO client.test", "250 ");
    let alice = demo.user(ALICE);
    writer.ask(&format!("AUTH PLAIN {}", plain(&alice.login, &alice.password)), "235 ");
    writer.ask(&format!("MAIL FROM:<{ALICE}>"), "250 ");
    writer.ask(&format!("RCPT TO:<{BOB}>"), "250 ");
    writer.ask("DATA", "354 ");
    let written = message(ALICE, BOB, &token("renewal"));
    let wire = stuffed(&written);
    let (head, rest) = wire.split_at(wire.len() / 2);
    writer.send(head.as_bytes());

    // The copy begins while certbot has moved one link only, and waits for the other.
    let second = site.authority.issue(&["localhost", "renewed.test"]);
    let mut copying = None;
    site.renew(2, &second, || {
        copying = Some(site.command(&["tls", "copy"]).spawn().unwrap());
    });
    let ended = copying.take().unwrap().wait().unwrap();
    assert!(ended.success(), "{ended}");
    shown_soon(&demo, &second, &ca);

    writer.send(rest.as_bytes());
    writer.expect("250 ");
    reader.until(|line| line == "* 1 EXISTS");
    let token = token("after");
    let reply =
        send(&mut lmtp(&demo.at.lmtp), "a@b.test", &[BOB], &message("a@b.test", BOB, &token));
    assert!(reply.starts_with("250 "), "{reply}");
    reader.until(|line| line == "* 2 EXISTS");
    reader.say("DONE");
    reader.until(|line| line.starts_with("i OK"));

    let show = demo.dovetail(&["tls", "show"]);
    let text = said(&show);
    assert!(show.status.success(), "{text}");
    for part in ["names    localhost, renewed.test", "CN=Test CA", "2. CN=Test CA", "ECDSA P-256"] {
        assert_eq!(text.matches(part).count(), if part == "CN=Test CA" { 4 } else { 2 }, "{text}");
    }
    demo.stop();
}

#[test]
fn a_broken_copy_leaves_the_old_certificate() {
    let authority = Authority::default();
    let first = authority.issue(&["localhost"]);
    let site = Site::new(&first, authority);
    assert!(site.dovetail(&["tls", "copy"]).status.success());
    let demo = site.demo();
    let copy = site.path("tls/imapd/x.pem");
    let whole = fs::read(&copy).unwrap();
    fs::write(&copy, &whole[..whole.len() / 3]).unwrap();
    eventually("an error in the log", || {
        let log = demo.log();
        let wrong = "the new certificate can't be used, the old one is served on: ";
        log.lines().any(|line| line.contains(wrong) && line.contains("imapd/x.pem")).then_some(())
    });
    assert!(first.is_shown(&demo.at.imaps, &site.ca()));
    let text = said(&demo.dovetail(&["tls", "show", "imapd"]));
    assert!(text.contains("warning") && text.contains("holds no"), "{text}");

    // A pair that never fits together isn't copied, and says to come again.
    fs::write(site.path("archive/x/privkey1.pem"), site.authority.issue(&["localhost"]).key)
        .unwrap();
    let tls = fs::read_to_string(site.path("etc/tls.toml")).unwrap();
    fs::write(site.path("etc/tls.toml"), format!("patience = \"0s\"\n{tls}")).unwrap();
    let refused = site.dovetail(&["tls", "copy"]);
    assert_eq!(refused.status.code(), Some(75), "{}", said(&refused));
    assert!(said(&refused).contains("is not the key of"), "{}", said(&refused));
    // A renewal mends it.
    let second = site.authority.issue(&["localhost", "mended.test"]);
    site.renew(2, &second, || {});
    assert!(site.dovetail(&["tls", "copy"]).status.success());
    shown_soon(&demo, &second, &site.ca());
    demo.stop();
}

/// A daemon that root started has read a key that it can't read any more: a reload keeps it.
#[test]
fn a_reload_keeps_a_key_that_only_root_may_read() {
    if !geteuid().is_root() {
        println!("needs root: daemons read root's key before they drop it");
        return;
    }
    let authority = Authority::default();
    let first = authority.issue(&["localhost"]);
    let site = Site::new(&first, authority);
    let live = site.path("live/x");
    let tls = format!(
        "[tls]\ncertificate = \"{0}/fullchain.pem\"\nkey = \"{0}/privkey.pem\"\n",
        live.display()
    );
    let demo = Options::default().config("smtpd.toml", &tls).start();
    assert!(first.is_shown(&demo.at.submissions, &site.ca()));
    let pid = demo.daemon_pid("smtpd").unwrap();
    kill(Pid::from_raw(pid), Signal::SIGHUP).unwrap();
    let heard = |part: &str| demo.log().lines().any(|line| line.contains(part));
    eventually("a reload", || heard("reloaded").then_some(()));
    assert!(heard("kept the certificate that is served: "), "{}", demo.log());
    assert!(!heard("reload failed"), "{}", demo.log());
    assert!(first.is_shown(&demo.at.submissions, &site.ca()));
    demo.stop();
}

/// What the root helper's unit leaves it: CAP_CHOWN alone.
#[test]
fn copying_needs_one_capability() {
    if !geteuid().is_root() {
        println!("needs root: to have capabilities to give up");
        return;
    }
    let authority = Authority::default();
    let first = authority.issue(&["localhost"]);
    let site = Site::new(&first, authority);
    let own = site.command(&["tls", "copy"]);
    let mut bounded = Command::new("setpriv");
    bounded.args(["--bounding-set=-all,+chown", "--inh-caps=-all", "--no-new-privs"]);
    bounded.arg(own.get_program()).args(own.get_args());
    let copied = tools::finish(&mut bounded, "");
    assert!(copied.status.success(), "{}", said(&copied));
    let found = fs::metadata(site.path("tls/smtpd/x.pem")).unwrap();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), (0, nobody.gid.as_raw(), 0o640));
}

/// The hook that certbot runs does the same.
#[test]
fn certbots_hook_copies() {
    let authority = Authority::default();
    let first = authority.issue(&["localhost"]);
    let site = Site::new(&first, authority);
    let hook = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy/certbot/renewal-hooks/deploy/dovetail");
    let mut command = Command::new(hook);
    command.env("DOVETAIL", binary("dovetail")).env("DOVETAIL_CONFIG", site.path("etc"));
    let text = tools::run(&mut command);
    assert!(text.contains("imapd: x: copied to "), "{text}");
    // Without a tls.toml there is nothing to do.
    fs::remove_file(site.path("etc/tls.toml")).unwrap();
    assert_eq!(tools::run(&mut command), "");
}

#[test]
fn a_clients_certificate_stands_in_received() {
    let authority = Authority::default();
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let ca = folder.path().join("clients.pem");
    fs::write(&ca, &authority.certificate).unwrap();
    let tls = format!(
        "[tls]\nclient_certificates = \"ask\"\nclient_ca = \"{}\"\nlog_handshakes = true\n",
        ca.display()
    );
    let demo = Options::default().config("smtpd.toml", &tls).start();
    let received = |mut line: Line| -> String {
        line.expect("220 ");
        line.ask("EHLO client.test", "250 ");
        let alice = demo.user(ALICE);
        line.ask(&format!("AUTH PLAIN {}", plain(&alice.login, &alice.password)), "235 ");
        let token = token("client");
        let reply = send(&mut line, ALICE, &[BOB], &message(ALICE, BOB, &token));
        assert!(reply.starts_with("250 "), "{reply}");
        let maildir = demo.maildir(BOB);
        let find = || maildir.messages().into_iter().find(|text| text.contains(&token));
        eventually("the message", find)
    };
    let own = authority.issue(&["client.test"]);
    let text = received(Line::tls_as(&demo.at.submissions, &demo.at.ca, &own));
    let told = "(Client CN \"client.test\", Issuer \"Test CA\" (verified OK))";
    assert!(text.contains(told) && text.contains(" bits))"), "{text}");
    let stranger = Authority::default().issue(&["stranger.test"]);
    let text = received(Line::tls_as(&demo.at.submissions, &demo.at.ca, &stranger));
    assert!(
        text.contains("(Client CN \"stranger.test\", Issuer \"Test CA\" (not verified))"),
        "{text}"
    );
    let text = received(Line::tls(&demo.at.submissions, &demo.at.ca));
    assert!(text.contains("(Client did not present a certificate)"), "{text}");
    eventually("a line for each handshake", || {
        let log = demo.log();
        let trusts = ["Trusted", "Untrusted", "Anonymous"];
        let all =
            |trust: &&str| log.contains(&format!("{trust} TLS connection established: TLSv1.3"));
        trusts.iter().all(all).then_some(())
    });
    demo.stop();
}
