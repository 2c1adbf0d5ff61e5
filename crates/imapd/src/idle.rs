//! IDLE (RFC 2177): the client waits, and a change of its mailbox wakes the session. No polling.

use std::sync::Arc;
use std::time::Duration;

use imap::response::{self, Status};
use store::Watch;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::figures::Figure;
use crate::session::{Session, State};
use crate::verdict::{Asked, Ended, Verdict};
use crate::wire::{Input, either};

/// How often an idle client is told that we are still here, so that no firewall on the way forgets
/// the connection, and a dead one is noticed.
const STILL_HERE: Duration = Duration::from_secs(2 * 60);

/// Where a mailbox can't be watched (too many watches on this machine), it is looked at so often.
const WITHOUT_WATCH: Duration = Duration::from_secs(30);

/// A client that never says DONE: its own limit is 29 minutes (RFC 2177), and each `Still here`
/// that it doesn't take ends the connection long before this.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);

impl Session {
    pub(crate) async fn idle(&mut self, asked: &Asked) -> Result<Verdict, Ended> {
        let _counted = self.shared.figures.hold(Figure::Idling);
        let woken = Arc::new(Notify::new());
        let watch = self.watch(&woken);
        let blind = watch.is_none() && matches!(self.state, State::Selected(_));
        self.wire.expect_line();
        response::continuation(&mut self.wire.out, "idling");
        // What came before the watch was there.
        self.refresh().await?;
        let mut still_here = Instant::now() + STILL_HERE;
        loop {
            self.wire.flush().await?;
            let next_look = if blind { Instant::now() + WITHOUT_WATCH } else { still_here };
            let disturbed = async {
                tokio::select! {
                    () = woken.notified() => {}
                    () = sleep_until(still_here.min(next_look)) => {}
                }
            };
            match either(self.wire.input(FOR_EVER), disturbed).await {
                Ok(input) => return said(asked, input?),
                Err(()) => self.refresh().await?,
            }
            if Instant::now() >= still_here {
                response::untagged(&mut self.wire.out, Status::Ok, None, "Still here");
                still_here += STILL_HERE;
            }
        }
    }

    fn watch(&self, woken: &Arc<Notify>) -> Option<Watch> {
        let State::Selected(selected) = &self.state else { return None };
        let woken = Arc::clone(woken);
        let watch = self.shared.watcher.watch(selected.points.clone(), move || woken.notify_one());
        watch
            .inspect_err(|error| {
                tracing::warn!(
                    user = self.whose.user,
                    client = self.whose.client,
                    "IDLE looks every {} s, as the mailbox can't be watched: {error}",
                    WITHOUT_WATCH.as_secs()
                );
            })
            .ok()
    }
}

fn said(asked: &Asked, input: Input) -> Result<Verdict, Ended> {
    match input {
        Input::Line(line) if line.trim_ascii().eq_ignore_ascii_case(b"DONE") => {
            Ok(asked.ok("Idle completed"))
        }
        _ => Ok(asked.bad("Expected DONE")),
    }
}
