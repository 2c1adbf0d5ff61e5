//! Several futures of one task at once, without a task for each: they borrow what the caller has.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Work that may borrow.
pub(crate) type Work<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Waits until all are done. Each wake polls those that are left: they are few.
pub(crate) async fn join(mut work: Vec<Work<'_>>) {
    poll_fn(|context| {
        work.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if work.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
