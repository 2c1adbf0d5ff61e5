//! A private Dovecot 2.3: LMTP, IMAP, POP3 and its auth, as the guides set it up.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::{Line, eventually, tools};

use crate::group::Group;
use crate::mail::Mail;
use crate::ports;

/// A running Dovecot; dropped, it is gone with all its processes.
pub struct Dovecot {
    child: Child,
    group: Group,
    log: PathBuf,
    /// LMTP, a Unix socket.
    pub lmtp: PathBuf,
    /// The auth client protocol, which Postfix and logins speak: a Unix socket.
    pub auth: PathBuf,
    /// The auth master protocol, with user look-ups: a Unix socket.
    pub userdb: PathBuf,
    /// `127.0.0.1:PORT`, with STARTTLS.
    pub imap: String,
    /// The same with TLS from the start.
    pub imaps: String,
    /// `127.0.0.1:PORT`, with STLS.
    pub pop3: String,
    /// Its configuration file, for `doveadm -c`.
    pub config: PathBuf,
}

impl Dovecot {
    /// Starts it for these users; `lines` are further lines of dovecot.conf, which win over ours. Returns
    /// once everything accepts.
    pub fn start(mail: &Mail, lines: &str) -> Self {
        tools::need("/usr/sbin/dovecot", "dovecot-core");
        tools::need("/usr/lib/dovecot/imap", "dovecot-imapd");
        tools::need("/usr/lib/dovecot/lmtp", "dovecot-lmtpd");
        tools::need("/usr/lib/dovecot/pop3", "dovecot-pop3d");
        let [imap, imaps, pop3] = std::array::from_fn(|_| ports::free());
        let sockets = mail.path("sockets");
        let (lmtp, auth, userdb) =
            (sockets.join("lmtp"), sockets.join("auth"), sockets.join("userdb"));
        let (config, log) = (mail.path("dovecot.conf"), mail.path("dovecot.log"));
        let text = configuration(mail, &sockets, [imap, imaps, pop3]);
        fs::write(&config, format!("{text}{lines}\n")).unwrap();
        let mut command = Command::new("/usr/sbin/dovecot");
        command.arg("-F").arg("-c").arg(&config).process_group(0);
        // What it says before it has read where to log.
        let early = File::create(mail.path("dovecot.err")).unwrap();
        command.stdin(Stdio::null()).stdout(early.try_clone().unwrap()).stderr(early);
        let child = command.spawn().unwrap();
        let address = |port: u16| format!("127.0.0.1:{port}");
        let mut dovecot = Self {
            group: Group::led_by(child.id() as i32),
            child,
            log,
            lmtp,
            auth,
            userdb,
            imap: address(imap),
            imaps: address(imaps),
            pop3: address(pop3),
            config,
        };
        dovecot.await_ready(&mail.path("dovecot.err"));
        dovecot
    }

    fn await_ready(&mut self, early: &Path) {
        let (lmtp, imap, auth) = (self.lmtp.clone(), self.imap.clone(), self.auth.clone());
        eventually("Dovecot's greetings", || {
            if let Some(status) = self.child.try_wait().unwrap() {
                let said = fs::read_to_string(early).unwrap_or_default();
                panic!("Dovecot ended with {status}\n{said}{}", self.log());
            }
            Line::try_unix(&lmtp)?.hear()?;
            Line::try_tcp(&imap)?.hear()?;
            Line::try_unix(&auth)?.hear()
        });
    }

    /// All its processes as of now, the master first.
    pub fn pids(&self) -> Vec<i32> {
        self.group.pids()
    }

    /// Everything that it logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let child = &mut self.child;
        self.group.end(|| {
            let _ = child.try_wait();
        });
        if std::thread::panicking() {
            println!("── Dovecot's log\n{}", self.log());
        }
    }
}

/// The guides' dovecot.conf (2.3 syntax): passwd-file for passwords and users, Maildir, all mail of one
/// owner, sockets for Postfix. Its own folders stand in for the system's.
fn configuration(mail: &Mail, sockets: &Path, [imap, imaps, pop3]: [u16; 3]) -> String {
    let place = |name: &str| mail.path(name).display().to_string();
    let owner = mail.owner();
    format!(
        "base_dir = {run}\n\
         state_dir = {state}\n\
         log_path = {log}\n\
         protocols = imap lmtp pop3\n\
         listen = 127.0.0.1\n\
         ssl = yes\n\
         ssl_cert = <{certificate}\n\
         ssl_key = <{key}\n\
         auth_mechanisms = plain login\n\
         passdb {{\n  driver = passwd-file\n  args = username_format=%u {users}\n}}\n\
         userdb {{\n  driver = passwd-file\n  args = username_format=%u {users}\n}}\n\
         mail_location = maildir:~/Maildir\n\
         first_valid_uid = {owner}\n\
         last_valid_uid = {owner}\n\
         recipient_delimiter = +\n\
         postmaster_address = postmaster@{domain}\n\
         namespace inbox {{\n  inbox = yes\n  separator = /\n}}\n\
         service imap-login {{\n\
         \x20 inet_listener imap {{\n    port = {imap}\n  }}\n\
         \x20 inet_listener imaps {{\n    port = {imaps}\n    ssl = yes\n  }}\n}}\n\
         service pop3-login {{\n\
         \x20 inet_listener pop3 {{\n    port = {pop3}\n  }}\n\
         \x20 inet_listener pop3s {{\n    port = 0\n  }}\n}}\n\
         service lmtp {{\n  unix_listener {sockets}/lmtp {{\n    mode = 0666\n  }}\n}}\n\
         service auth {{\n\
         \x20 unix_listener {sockets}/auth {{\n    mode = 0666\n  }}\n\
         \x20 unix_listener {sockets}/userdb {{\n    mode = 0666\n  }}\n}}\n",
        run = place("run"),
        state = place("state"),
        log = place("dovecot.log"),
        certificate = mail.certificate().display(),
        key = mail.key().display(),
        users = mail.passwd_file().display(),
        domain = mail.domains().first().map_or("example.test", String::as_str),
        sockets = sockets.display(),
    )
}
