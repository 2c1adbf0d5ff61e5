//! What lmtpd's manual page says of it.

use daemon::{Manual, ManualSocket};

pub(crate) const MANUAL: Manual = Manual {
    summary: "delivers into mailboxes: LMTP in, Maildir out",
    description: &[
        "`lmtpd` takes messages from dovetail-smtpd(8), dovetail-qmgrd(8) or Postfix by LMTP, asks \
         dovetail-authd(8) where each recipient's mail is, and answers each of them once the copy is on stable \
         storage. It stands where Dovecot's lmtp stood, and writes the same Maildirs: Dovecot may read them, and \
         deliver into them, at the same time.",
        "A message that is offered again under the trace id that it had is stored once for each recipient. That \
         counts only from the users in `trusted_ids`. What can't be done now is answered with 4xx, so that the \
         sender keeps it: authd is away, the disk is full, the home lies outside `mail_roots` of \
         dovetail-mail.toml(5).",
        "It writes as its own user alone. Mail of users with another uid is passed on, while it comes, to the \
         instance dovetail-lmtpd@UID, which systemd starts for it and which leaves when it is idle. Where \
         users have uids of their own, dovetail-units(1) makes these instances' sockets and opens the units' \
         sandbox for `mail_roots`.",
    ],
    sockets: &[
        ManualSocket {
            listener: "lmtp",
            place: "/run/dovetail/lmtpd/lmtp.sock",
            unit: "dovetail-lmtpd-lmtp.socket",
            what: "smtpd and qmgrd deliver. An instance's socket is /run/dovetail/lmtpd@UID/lmtp.sock, of \
                   dovetail-lmtpd@UID.socket.",
        },
        ManualSocket {
            listener: "postfix",
            place: "/var/spool/postfix/private/dovetail-lmtp",
            unit: "dovetail-lmtpd-postfix.socket",
            what: "Postfix delivers (`virtual_transport = lmtp:unix:private/dovetail-lmtp`). In the package \
                   dovetail-postfix; off until you enable it.",
        },
    ],
    files: &[("/var/vmail/", "Mail, where the userdb names no other place.")],
    see_also: &[
        "dovetail-units(1)",
        "dovetail-user(1)",
        "dovetail-authd(8)",
        "dovetail-smtpd(8)",
        "dovetail-qmgrd(8)",
        "dovetail-imapd(8)",
    ],
};
