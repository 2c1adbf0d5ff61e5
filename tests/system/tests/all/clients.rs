//! The programs that people use: swaks, curl, Python's imaplib, mbsync, against the demo as a newcomer
//! starts it, once by root (where the tests run as root) and once by an ordinary user.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use support::{Demo, Options, eventually, tools};

use crate::mail::token;

const ALICE: &str = "alice@example.test";
const BOB: &str = "bob@example.test";

#[test]
fn swaks_sends_and_curl_and_imaplib_and_mbsync_read() {
    sends_and_reads(&Demo::start());
}

#[test]
fn the_same_when_an_ordinary_user_starts_it() {
    // Where the tests run as an ordinary user already, this is the test above once more.
    sends_and_reads(&Options::default().unprivileged().start());
}

fn sends_and_reads(demo: &Demo) {
    let token = token("swaks");
    swaks(demo, &token);
    eventually("the message at bob's", || (demo.maildir(BOB).count(&token) == 1).then_some(()));
    let text = curl(demo);
    assert!(text.contains(&format!("Subject: {token}")), "{text}");
    assert!(text.contains(&format!("Return-Path: <{ALICE}>")), "{text}");
    assert!(text.contains(&format!("Delivered-To: {BOB}")), "{text}");
    assert!(text.contains("with ESMTPSA id "), "{text}");
    imaplib(demo, &token);
    mbsync(demo, &token);
}

fn swaks(demo: &Demo, token: &str) {
    tools::need("/usr/bin/swaks", "swaks");
    let alice = demo.user(ALICE);
    let (host, port) = demo.at.submission.rsplit_once(':').unwrap();
    let mut swaks = Command::new("/usr/bin/swaks");
    swaks.args([
        "--server", host, "--port", port, "--tls", "--auth", "PLAIN", "--from", ALICE, "--to", BOB,
    ]);
    swaks.args(["--auth-user", &alice.login, "--auth-password", &alice.password]);
    tools::run(swaks.args(["--header", &format!("Subject: {token}"), "--body", "sent by swaks"]));
}

fn curl(demo: &Demo) -> String {
    tools::need("/usr/bin/curl", "curl");
    let bob = demo.user(BOB);
    let (_, port) = demo.at.imaps.rsplit_once(':').unwrap();
    let mut curl = Command::new("/usr/bin/curl");
    curl.args(["--silent", "--show-error", "--fail", "--cacert", &demo.at.ca]);
    curl.args(["--user", &format!("{}:{}", bob.login, bob.password)]);
    tools::run(curl.arg(format!("imaps://localhost:{port}/INBOX;MAILINDEX=1")))
}

fn imaplib(demo: &Demo, token: &str) {
    tools::need("/usr/bin/python3", "python3");
    let bob = demo.user(BOB);
    let script = "\
import imaplib, ssl, sys, email
port, ca, login, password, token = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
m = imaplib.IMAP4_SSL('localhost', int(port), ssl_context=context)
m.login(login, password)
typ, data = m.select('INBOX'); assert typ == 'OK' and data == [b'1'], data
typ, data = m.search(None, 'SUBJECT', token); assert data == [b'1'], data
typ, data = m.fetch('1', '(UID FLAGS BODY.PEEK[])')
message = email.message_from_bytes(data[0][1])
assert message['Subject'] == token, message.as_string()
assert b'Seen' in data[0][0], data[0][0] # curl has read it
typ, data = m.append('Drafts', '\\\\Draft', None, b'Subject: a draft\\r\\n\\r\\nx\\r\\n'); assert typ == 'OK', data
typ, data = m.create('Lists/rust'); assert typ == 'OK', data
typ, data = m.copy('1', 'Lists/rust'); assert typ == 'OK', data
typ, data = m.store('1', '+FLAGS', '(\\\\Seen $Work)'); assert typ == 'OK', data
typ, data = m.status('Lists/rust', '(MESSAGES UNSEEN)'); assert b'MESSAGES 1 UNSEEN 0' in data[0], data
typ, data = m.list(); assert any(b'Lists/rust' in line for line in data), data
m.close(); m.logout()
";
    let (_, port) = demo.at.imaps.rsplit_once(':').unwrap();
    let mut python = Command::new("/usr/bin/python3");
    tools::run(python.args(["-c", script, port, &demo.at.ca, &bob.login, &bob.password, token]));
}

/// Both ways, twice; the second time changes nothing on either side.
fn mbsync(demo: &Demo, token: &str) {
    tools::need("/usr/bin/mbsync", "isync");
    let bob = demo.user(BOB);
    let folder = demo.scratch().join("mbsync");
    let near = folder.join("near");
    fs::create_dir_all(&near).unwrap();
    let (_, port) = demo.at.imaps.rsplit_once(':').unwrap();
    let config = format!(
        "IMAPAccount demo\nHost localhost\nPort {port}\nUser {}\nPass {}\nSSLType IMAPS\nCertificateFile {}\n\
         AuthMechs LOGIN\n\nIMAPStore far\nAccount demo\n\nMaildirStore near\nPath {near}/\nInbox {near}/INBOX\n\
         SubFolders Verbatim\n\nChannel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSync All\n\
         SyncState *\n",
        bob.login,
        bob.password,
        demo.at.ca,
        near = near.display()
    );
    let rc = folder.join("mbsyncrc");
    fs::write(&rc, config).unwrap();
    fs::set_permissions(&rc, fs::Permissions::from_mode(0o600)).unwrap();
    let sync = || {
        tools::run(
            Command::new("/usr/bin/mbsync")
                .args(["--config", rc.to_str().unwrap(), "--all"])
                .env("HOME", &folder),
        )
    };
    let local = near.join("INBOX");
    sync();
    let inbox = read_all(&local);
    assert_eq!(inbox.iter().filter(|text| text.contains(token)).count(), 1, "{inbox:?}");
    // One message goes the other way.
    let name = "1795548153.M1P1.near:2,S";
    fs::write(local.join("cur").join(name), format!("Subject: near-{token}\n\nfrom this side\n"))
        .unwrap();
    sync();
    eventually("the near message at the far side", || {
        (demo.maildir(BOB).count(&format!("near-{token}")) == 1).then_some(())
    });
    let before = (listing(&near), demo.maildir(BOB).messages());
    sync();
    assert_eq!(
        before,
        (listing(&near), demo.maildir(BOB).messages()),
        "the second time changes nothing"
    );
}

fn read_all(maildir: &Path) -> Vec<String> {
    let files = ["new", "cur"]
        .iter()
        .flat_map(|sub| fs::read_dir(maildir.join(sub)).into_iter().flatten().flatten());
    files
        .map(|file| String::from_utf8_lossy(&fs::read(file.path()).unwrap()).into_owned())
        .collect()
}

/// Every message file below a folder, by path.
fn listing(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(listing(&entry.path()));
        } else if !entry.file_name().to_string_lossy().starts_with('.') {
            found.push(entry.path().display().to_string());
        }
    }
    found.sort();
    found
}
