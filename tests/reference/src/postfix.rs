//! A private Postfix 3.7 in front of an LMTP server and an auth server, as the guides set it up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{User, geteuid};
use support::{Line, eventually, tools};

use crate::dovecot::Dovecot;
use crate::group::Group;
use crate::mail::{Mail, make_folder};
use crate::ports;

/// The two sockets that Postfix hands mail and passwords to: Dovecot's, or those of whoever takes its
/// place.
#[derive(Debug, Clone, Copy)]
pub struct Joints<'a> {
    /// Final delivery.
    pub lmtp: &'a Path,
    /// The auth client protocol.
    pub auth: &'a Path,
}

impl<'a> From<&'a Dovecot> for Joints<'a> {
    fn from(dovecot: &'a Dovecot) -> Self {
        Self { lmtp: &dovecot.lmtp, auth: &dovecot.auth }
    }
}

/// A running Postfix; dropped, it is gone with all its processes.
pub struct Postfix {
    group: Group,
    log: PathBuf,
    /// Port 25's place, `127.0.0.1:PORT`: STARTTLS, no AUTH, loopback is a stranger.
    pub smtp: String,
    /// 587's: STARTTLS needed, then AUTH.
    pub submission: String,
    /// 465's: the same with TLS from the start.
    pub submissions: String,
    /// Its folder of main.cf and master.cf, for `postqueue -c`.
    pub config: PathBuf,
    /// Its queue.
    pub queue: PathBuf,
}

impl Postfix {
    /// Starts it for the users of `mail`; `lines` are further lines of main.cf, which win over ours.
    /// Returns once everything accepts.
    pub fn start<'a>(mail: &Mail, joints: impl Into<Joints<'a>>, lines: &str) -> Self {
        tools::need("/usr/sbin/postfix", "postfix");
        assert!(geteuid().is_root(), "Postfix's master needs root");
        let (config, queue, data) =
            (mail.path("postfix"), mail.path("queue"), mail.path("postfix-data"));
        let postfix = User::from_name("postfix").unwrap().expect("Debian's user postfix");
        make_folder(&config, 0o755, None);
        make_folder(&queue, 0o755, None);
        make_folder(&data, 0o700, Some(postfix.uid.as_raw()));
        let ports: [u16; 3] = std::array::from_fn(|_| ports::free());
        let log = mail.path("postfix.log");
        fs::write(config.join("mailboxes"), mailboxes(mail)).unwrap();
        let text = without(&main(mail, &joints.into(), &config), lines);
        fs::write(config.join("main.cf"), format!("{text}{lines}\n")).unwrap();
        fs::write(config.join("master.cf"), master(ports)).unwrap();
        tools::run(Command::new("/usr/sbin/postfix").arg("-c").arg(&config).arg("start"));
        let pid = fs::read_to_string(queue.join("pid/master.pid")).unwrap();
        let [smtp, submission, submissions] = ports.map(|port| format!("127.0.0.1:{port}"));
        let group = Group::led_by(pid.trim().parse().unwrap());
        let running = Self { group, log, smtp, submission, submissions, config, queue };
        for address in [&running.smtp, &running.submission] {
            eventually("Postfix's greeting", || Line::try_tcp(address)?.hear());
        }
        eventually("Postfix's TLS port", || Line::try_tcp(&running.submissions));
        running
    }

    /// All its processes as of now, the master first.
    pub fn pids(&self) -> Vec<i32> {
        self.group.pids()
    }

    /// Everything that it logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// How many messages lie in the queue.
    pub fn queued(&self) -> usize {
        let folders = ["maildrop", "incoming", "active", "deferred", "hold"];
        folders.iter().map(|folder| files(&self.queue.join(folder))).sum()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        self.group.end(|| ());
        if std::thread::panicking() {
            println!("── Postfix's log\n{}", self.log());
        }
    }
}

/// Files below a folder; deferred/ has folders of its own.
fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

/// Who exists; with another transport than virtual(8) only the keys count.
fn mailboxes(mail: &Mail) -> String {
    mail.users().iter().map(|user| format!("{} here\n", user.login)).collect()
}

/// The guides' main.cf. A stranger from loopback may hold any number of connections; nothing asks DNS.
fn main(mail: &Mail, joints: &Joints<'_>, config: &Path) -> String {
    format!(
        "compatibility_level = 3.6\n\
         queue_directory = {queue}\n\
         data_directory = {data}\n\
         maillog_file = {log}\n\
         maillog_file_prefixes = {folder}\n\
         inet_protocols = ipv4\n\
         myhostname = mx.example.test\n\
         mydestination =\n\
         mynetworks = 192.0.2.1/32\n\
         smtpd_client_event_limit_exceptions = 127.0.0.0/8\n\
         alias_maps =\n\
         alias_database =\n\
         local_recipient_maps =\n\
         recipient_delimiter = +\n\
         virtual_mailbox_domains = {domains}\n\
         virtual_mailbox_maps = texthash:{config}/mailboxes\n\
         virtual_transport = lmtp:unix:{lmtp}\n\
         smtpd_tls_cert_file = {certificate}\n\
         smtpd_tls_key_file = {key}\n\
         smtpd_tls_security_level = may\n\
         smtpd_tls_session_cache_database = btree:${{data_directory}}/smtpd_scache\n\
         smtpd_sasl_type = dovecot\n\
         smtpd_sasl_path = {auth}\n\
         smtpd_tls_auth_only = yes\n\
         smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination\n\
         smtp_dns_support_level = disabled\n\
         lmtp_host_lookup = native\n\
         smtpd_peername_lookup = no\n\
         notify_classes =\n",
        queue = mail.path("queue").display(),
        data = mail.path("postfix-data").display(),
        log = mail.path("postfix.log").display(),
        folder = mail.path("").display(),
        domains = mail.domains().join(", "),
        config = config.display(),
        lmtp = joints.lmtp.display(),
        certificate = mail.certificate().display(),
        key = mail.key().display(),
        auth = joints.auth.display(),
    )
}

/// The lines of `text` but for parameters that `lines` set: each process would warn of both.
fn without(text: &str, lines: &str) -> String {
    let name = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    let given: Vec<String> = lines.lines().map(name).collect();
    let kept = text.lines().filter(|line| !given.contains(&name(line)));
    kept.map(|line| format!("{line}\n")).collect()
}

/// Debian's master.cf without what nobody uses here, and nothing in a chroot.
fn master([smtp, submission, submissions]: [u16; 3]) -> String {
    let services = [
        "pickup unix n - n 60 1 pickup",
        "cleanup unix n - n - 0 cleanup",
        "qmgr unix n - n 300 1 qmgr",
        "tlsmgr unix - - n 1000? 1 tlsmgr",
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
        "local unix - n n - - local",
        "virtual unix - n n - - virtual",
        "lmtp unix - - n - - lmtp",
        "anvil unix - - n - 1 anvil",
        "scache unix - - n - 1 scache",
        "postlog unix-dgram n - n - 1 postlogd",
    ];
    let login =
        "smtpd_sasl_auth_enable=yes -o smtpd_relay_restrictions=permit_sasl_authenticated,reject";
    format!(
        "127.0.0.1:{smtp} inet n - n - - smtpd\n\
         127.0.0.1:{submission} inet n - n - - smtpd\n\
         \x20 -o syslog_name=postfix/submission -o smtpd_tls_security_level=encrypt -o {login}\n\
         127.0.0.1:{submissions} inet n - n - - smtpd\n\
         \x20 -o syslog_name=postfix/submissions -o smtpd_tls_wrappermode=yes -o {login}\n\
         {}\n",
        services.join("\n")
    )
}
