//! What authd's manual page says of it.

use daemon::{Manual, ManualSocket};

pub(crate) const MANUAL: Manual = Manual {
    summary: "says who a user is and whether the password is right",
    description: &[
        "`authd` reads password files in Dovecot's passwd-file format, and answers two questions in Dovecot's \
         auth protocol, over Unix sockets: whether a login is good, and who a user is. It stands where Dovecot's \
         auth stood: dovetail-smtpd(8), dovetail-imapd(8), dovetail-lmtpd(8), Postfix's `smtpd_sasl_type = \
         dovecot` and `doveadm` ask it alike.",
        "A password file has a line a user, `user@example.org:HASH:UID:GID::HOME::`, and is read again when it \
         changes. dovetail-pw(1) makes hashes; dovetail-auth(1) tries a login, dovetail-user(1) shows what \
         is known of a user. `[passdb.NAME]` says where passwords are, `[userdb.NAME]` where users are.",
        "Passwords are hashed by a bounded number of threads. A failed login is answered after `failure_delay`, \
         and an unknown user costs the same hash as a known one. authd never reads or sends mail.",
    ],
    sockets: &[
        ManualSocket {
            listener: "client",
            place: "/run/dovetail/authd/client.sock",
            unit: "dovetail-authd-client.socket",
            what: "smtpd and imapd ask whether a login is good.",
        },
        ManualSocket {
            listener: "userdb",
            place: "/run/dovetail/authd/userdb.sock",
            unit: "dovetail-authd-userdb.socket",
            what: "smtpd, lmtpd, imapd and operators ask who a user is; never for a password.",
        },
        ManualSocket {
            listener: "postfix",
            place: "/var/spool/postfix/private/auth",
            unit: "dovetail-authd-postfix.socket",
            what: "Postfix's smtpd asks whether a login is good (`smtpd_sasl_path = private/auth`). In the \
                   package dovetail-postfix; off until you enable it.",
        },
    ],
    files: &[("/etc/dovetail/users", "The password file of a fresh installation.")],
    see_also: &[
        "dovetail-auth(1)",
        "dovetail-pw(1)",
        "dovetail-user(1)",
        "dovetail-smtpd(8)",
        "dovetail-lmtpd(8)",
        "dovetail-imapd(8)",
    ],
};
