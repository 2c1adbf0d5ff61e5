//! Messages for the tests.

use address::TraceId;
use smtp::{Envelope, Mail, Rcpt, XForward};
use spool::Head;
use spool::fs::Fs;
use spool::{Committed, Spool, SpoolError};

pub(crate) fn trace(n: u64) -> TraceId {
    TraceId::new(1_795_550_305_000 + n, u128::from(n))
}

pub(crate) fn head(trace: TraceId, rcpts: &[&str]) -> Head {
    let rcpt = |address: &&str| Rcpt::parse(&format!("RCPT TO:<{address}>")).unwrap();
    Head {
        trace,
        arrived: trace.millis(),
        origin: None,
        client: XForward::default(),
        envelope: Envelope {
            mail: Mail::parse("MAIL FROM:<alice@vmail.test> ENVID=e1").unwrap(),
            rcpts: rcpts.iter().map(rcpt).collect(),
        },
    }
}

pub(crate) fn offer<F: Fs>(
    spool: &Spool<F>,
    head: Head,
    content: &[u8],
) -> Result<Committed, SpoolError> {
    let mut draft = spool.draft(head)?;
    for piece in content.chunks(content.len().div_ceil(2).max(1)) {
        draft.write(piece)?;
    }
    draft.commit()
}
