//! What smtpd's manual page says of it.

use daemon::{Manual, ManualSocket};

pub(crate) const MANUAL: Manual = Manual {
    summary: "takes mail in: SMTP from other servers, submission from users",
    description: &[
        "`smtpd` speaks SMTP with other mail servers (port 25) and with users' mail programs (ports 587 and 465). \
         It stands where Postfix's smtpd and cleanup stood. It answers 250 to a message only when the message is \
         on stable storage somewhere.",
        "Recipients are decided when they are named: first aliases (`virtual_alias_maps`, Postfix's text tables), \
         then users, whom dovetail-authd(8) is asked about, then catch-alls. Only clients in `mynetworks`, and \
         users who logged in under TLS at submission, may send mail elsewhere. A listener of the role `sendmail`, a \
         Unix socket, is for programs of this machine's users, who are known by their uid.",
        "A message for exactly one mailbox here goes straight in to dovetail-lmtpd(8) while the client waits, who \
         so hears of a full or missing mailbox at once. Everything else, and what takes longer than \
         `straight_in_wait`, goes to the queue, dovetail-qmgrd(8).",
        "A port is open once its socket unit is enabled and the configuration has a listener of that name, as in \
         `systemctl enable dovetail-smtpd-smtp.socket && systemctl restart dovetail-smtpd`. Ports 587 and 465 \
         want a certificate first, in `[tls]`; dovetail-tls(1) copies those that only root may read. Alias \
         tables and certificates are read again when they change.",
        "So that a flood on port 25 doesn't touch submission, two instances may run: dovetail-smtpd@mx with \
         dovetail-smtpd-smtp@mx.socket, and dovetail-smtpd@submission with \
         dovetail-smtpd-submission@submission.socket.",
    ],
    sockets: &[
        ManualSocket {
            listener: "smtp",
            place: "port 25",
            unit: "dovetail-smtpd-smtp.socket",
            what: "Other mail servers. Off until you enable it.",
        },
        ManualSocket {
            listener: "submission",
            place: "port 587",
            unit: "dovetail-smtpd-submission.socket",
            what: "Users' mail programs, STARTTLS. Off until you enable it.",
        },
        ManualSocket {
            listener: "submissions",
            place: "port 465",
            unit: "dovetail-smtpd-submissions.socket",
            what: "Users' mail programs, TLS from the first byte. Off until you enable it.",
        },
        ManualSocket {
            listener: "internal",
            place: "/run/dovetail/smtpd/internal.sock",
            unit: "dovetail-smtpd-internal.socket",
            what: "Mail that Dovetail itself makes, as qmgrd's reports, in LMTP. Whoever reaches it may send mail to \
                   anybody, so only the users `dvqueue` and `vmail` may.",
        },
    ],
    files: &[
        ("/var/lib/dovetail/smtpd/", "Large messages while they pass; empty otherwise."),
        (
            "/var/lib/dovetail/tls/smtpd/",
            "Copies of certificates and keys that `dovetail tls copy` made.",
        ),
    ],
    see_also: &[
        "dovetail-who(1)",
        "dovetail-tls(1)",
        "dovetail-authd(8)",
        "dovetail-lmtpd(8)",
        "dovetail-qmgrd(8)",
    ],
};
