//! What the unit tests share.

use address::TraceId;
use daemon::{Config, Daemon as _};
use smtp::{Envelope, Mail, Rcpt, XForward};
use spool::Head;

use crate::{Qmgrd, Settings};

const DOMAINS: &str = "\
hostname = \"mx.example.test\"
myorigin = \"example.test\"
mailbox_domains = [\"example.test\"]
local_lmtp = \"/local\"
remote_lmtp = \"/remote\"
[routes]
\"list.test\" = \"/lists\"
";

pub(crate) fn settings() -> Settings {
    let texts = [("domains", DOMAINS), ("qmgrd", "outgoing = \"/out\"\n")];
    let config = Config::from_texts("qmgrd", &Qmgrd::files(), &texts).expect("well formed");
    Settings::read(&config).expect("fits together")
}

pub(crate) fn head(from: &str, to: &[&str]) -> Head {
    let rcpt = |address: &&str| Rcpt::parse(&format!("RCPT TO:<{address}>")).expect("a recipient");
    Head {
        trace: TraceId::new(1_000_000, 7),
        arrived: 1_000_000,
        origin: None,
        client: XForward::default(),
        envelope: Envelope {
            mail: Mail::parse(&format!("MAIL FROM:{from}")).expect("a sender"),
            rcpts: to.iter().map(rcpt).collect(),
        },
    }
}

#[test]
fn bad_combinations_are_told() {
    let texts = [
        ("domains", "hostname = \"mx.test\"\nmyorigin = \"-\"\npostmaster = \"a b\"\n"),
        ("qmgrd", "retry_min = \"2h\"\nretry_max = \"1h\"\n"),
    ];
    let config = Config::from_texts("qmgrd", &Qmgrd::files(), &texts).expect("well formed");
    let problems = Settings::read(&config).expect_err("three things");
    assert_eq!(problems.len(), 3, "{problems:?}");
}
