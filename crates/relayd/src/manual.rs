//! What relayd's manual page says of it.

use daemon::{Manual, ManualSocket};

pub(crate) const MANUAL: Manual = Manual {
    summary: "delivers mail to other servers: LMTP in, SMTP out",
    description: &[
        "`relayd` is an LMTP server whose mailboxes are the rest of the internet; it stands where Postfix's smtp \
         stood. dovetail-qmgrd(8) hands it a message for one domain; it finds that domain's mail servers in the \
         DNS, or where `[routes]` says, opens the transaction there, passes the content through while it comes, \
         and answers each recipient with what the other server said.",
        "It keeps nothing and tries nothing again: what failed for now, qmgrd offers later. TLS is used where the \
         other server offers it; `tls` asks for more or for less.",
        "It is the only daemon that connects outwards: to port 25, to the DNS, and to the ports that its \
         configuration names.",
    ],
    sockets: &[ManualSocket {
        listener: "lmtp",
        place: "/run/dovetail/relayd/lmtp.sock",
        unit: "dovetail-relayd-lmtp.socket",
        what: "qmgrd hands messages over. Whoever reaches it may send mail to anybody, so only the user `dvqueue` \
               may.",
    }],
    files: &[("/etc/resolv.conf", "Name servers, where `resolver` names none.")],
    see_also: &["dovetail-queue(1)", "dovetail-qmgrd(8)"],
};
