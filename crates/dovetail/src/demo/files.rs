//! The demo's configuration: short files that a newcomer can read and learn from.

use std::path::Path;

use super::accounts::DOMAINS;
use super::{Demo, certificates, sockets::Bound};
use crate::exit::Failure;
use crate::places::DAEMONS;

/// Writes every file; a kept root's are written anew, as ports and sockets may differ.
pub(super) fn write(demo: &Demo) -> Result<(), Failure> {
    let etc = demo.layout.etc();
    let put = |name: &str, text: String| demo.layout.write(&etc.join(name), 0o644, &text);
    put("virtual", aliases())?;
    put("domains.toml", domains(demo))?;
    put("mail.toml", mail(demo))?;
    for daemon in DAEMONS {
        let own = match daemon {
            "authd" => authd(demo),
            "smtpd" => smtpd(demo),
            "qmgrd" => qmgrd(demo),
            "relayd" => relayd(),
            "lmtpd" => lmtpd(demo),
            _ => imapd(demo),
        };
        put(
            &format!("{daemon}.toml"),
            format!("{}{own}{}", common(demo), listeners(demo, daemon)),
        )?;
    }
    Ok(())
}

fn aliases() -> String {
    format!(
        "# Postfix's virtual(5), read again when it changes.\nabuse@{0} alice@{0}\nteam@{0} alice@{0}, bob@{0}, carol@{1}\n",
        DOMAINS[0], DOMAINS[1]
    )
}

/// What every daemon's file begins with.
fn common(demo: &Demo) -> String {
    let owner = &demo.layout.owner;
    let user = owner.user.as_ref().map_or_else(String::new, |user| {
        format!("user = \"{user}\"\ngroup = \"{}\"\ngroups = []\n", owner.gid)
    });
    format!("{user}drain = \"3s\"\n")
}

/// The listeners, at the sockets that the demo bound; `extra` is what the daemon says of each.
fn listeners(demo: &Demo, daemon: &str) -> String {
    let one = |bound: &Bound| {
        let mode =
            if bound.address.unix().is_some() { "mode = \"0666\"\npeers = []\n" } else { "" };
        let (name, address) = (bound.listener, &bound.address);
        format!("\n[listener.{name}]\naddress = \"{address}\"\n{mode}{}", extra(daemon, name))
    };
    demo.sockets.of(daemon).map(one).collect()
}

fn extra(daemon: &str, listener: &str) -> &'static str {
    match (daemon, listener) {
        ("smtpd", "smtp") => "role = \"mx\"\ntls = \"starttls\"\n",
        ("smtpd", "submission") => "role = \"submission\"\ntls = \"starttls\"\n",
        ("smtpd", "submissions") => "role = \"submission\"\ntls = \"implicit\"\n",
        ("smtpd", "internal") => "role = \"internal\"\n",
        ("smtpd", "sendmail") => "role = \"sendmail\"\n",
        ("imapd", "imap") => "tls = \"starttls\"\n",
        ("imapd", "imaps") => "tls = \"implicit\"\n",
        _ => "",
    }
}

fn tls(demo: &Demo) -> String {
    let (certificate, key) = certificates::paths(&demo.layout);
    format!("\n[tls]\ncertificate = {}\nkey = {}\n", quoted(&certificate), quoted(&key))
}

fn domains(demo: &Demo) -> String {
    let [first, second] = DOMAINS;
    format!(
        "hostname = \"mail.{first}\"\nmyorigin = \"{first}\"\npostmaster = \"alice@{first}\"\n\
         mailbox_domains = [\"{first}\", \"{second}\"]\n\
         local_lmtp = {}\nremote_lmtp = {}\n",
        quoted(&demo.layout.socket("lmtpd", "lmtp")),
        quoted(&demo.layout.socket("relayd", "lmtp")),
    )
}

fn mail(demo: &Demo) -> String {
    let mailbox = |name: &str| {
        format!("\n[mailbox.{name}]\nspecial_use = \"\\\\{name}\"\nauto = \"create\"\n")
    };
    let mailboxes: String = ["Drafts", "Sent", "Junk", "Trash"].map(mailbox).concat();
    let root = quoted(&demo.layout.mail_root());
    format!(
        "mail_location = \"maildir:~/Maildir\"\nseparator = \"/\"\nmail_roots = [{root}]\n{mailboxes}"
    )
}

fn authd(demo: &Demo) -> String {
    let users = quoted(&demo.layout.passwd_file());
    format!(
        "\n[passdb.users]\ndriver = \"passwd-file\"\npath = {users}\n\
         \n[userdb.users]\ndriver = \"passwd-file\"\npath = {users}\n"
    )
}

fn smtpd(demo: &Demo) -> String {
    let socket = |daemon: &str, listener: &str| quoted(&demo.layout.socket(daemon, listener));
    format!(
        "# Loopback is a stranger here: relaying takes a login.\nmynetworks = []\n\
         auth_client = {}\nauth_userdb = {}\nqueue = {}\n\
         virtual_alias_maps = [{}]\nscratch = {}\ntrusted_ids = [{}]\n{}",
        socket("authd", "client"),
        socket("authd", "userdb"),
        socket("qmgrd", "lmtp"),
        quoted(&demo.layout.aliases()),
        quoted(&demo.layout.state("smtpd")),
        demo.layout.owner.uid,
        tls(demo),
    )
}

fn qmgrd(demo: &Demo) -> String {
    format!(
        "spool = {}\noutgoing = {}\ntrusted_ids = [{}]\n\
         # Soon, so that a demo shows it.\nretry_min = \"2s\"\nretry_max = \"1m\"\n",
        quoted(&demo.layout.spool()),
        quoted(&demo.layout.socket("smtpd", "internal")),
        demo.layout.owner.uid,
    )
}

/// Nothing leaves loopback unasked: without a resolver, mail for other domains waits in the queue.
fn relayd() -> String {
    "# Nobody answers there: mail for other domains waits in the queue until a route or a resolver\n\
     # is laid over this (dovetail demo --config DIR).\nresolver = [\"127.0.0.1:9\"]\n"
        .to_owned()
}

fn lmtpd(demo: &Demo) -> String {
    format!(
        "auth_userdb = {}\ntrusted_ids = [{}]\n",
        quoted(&demo.layout.socket("authd", "userdb")),
        demo.layout.owner.uid
    )
}

fn imapd(demo: &Demo) -> String {
    format!(
        "auth_client = {}\nauth_userdb = {}\n# As Dovecot: loopback may log in in clear.\nplaintext_from_loopback = true\n{}",
        quoted(&demo.layout.socket("authd", "client")),
        quoted(&demo.layout.socket("authd", "userdb")),
        tls(demo),
    )
}

/// A path as a TOML string.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
