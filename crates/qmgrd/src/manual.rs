//! What qmgrd's manual page says of it.

use daemon::{Manual, ManualSocket};

pub(crate) const MANUAL: Manual = Manual {
    summary: "keeps mail that isn't delivered yet, tries again, reports what failed",
    description: &[
        "`qmgrd` is the queue; it stands where Postfix's qmgr and bounce stood. It takes messages from \
         dovetail-smtpd(8) by LMTP, answers 250 once file and folder are synced, and delivers at once, by LMTP \
         again: mail for `mailbox_domains` to dovetail-lmtpd(8), mail for other domains to dovetail-relayd(8), \
         mail for a domain in `[routes]` of dovetail-domains.toml(5) to the socket named there. It knows sockets \
         and domains only, and never touches the network.",
        "What failed for now is tried again after as long as the message is old, but not sooner than `retry_min` \
         and not later than `retry_max`. What fails for good, or is older than `lifetime`, is reported to its \
         sender; reports are handed to smtpd's internal socket, and are delivered like other mail.",
        "dovetail-queue(1) shows what waits and why, tries it now, or drops it.",
    ],
    sockets: &[ManualSocket {
        listener: "lmtp",
        place: "/run/dovetail/qmgrd/lmtp.sock",
        unit: "dovetail-qmgrd-lmtp.socket",
        what: "smtpd hands messages over. Whoever reaches it may send mail to anybody, so only the user `dvsmtpd` \
               may.",
    }],
    files: &[(
        "/var/spool/dovetail/",
        "The messages. One qmgrd has it at a time; nobody else should change anything in it.",
    )],
    see_also: &[
        "dovetail-queue(1)",
        "dovetail-smtpd(8)",
        "dovetail-lmtpd(8)",
        "dovetail-relayd(8)",
    ],
};
