//! Work that blocks: a value goes to a blocking thread and comes back with the result.
//!
//! The mail store's calls may wait for a disk or a lock, so none of them runs on a thread that serves
//! sessions. A panic in the work costs this one result: the value comes back, too.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The work panicked; the panic itself was logged where it happened.
    #[error("the work panicked")]
    Panicked,
    /// The value is gone: an earlier call was dropped half-way, or the daemon is ending.
    #[error("the work was given up")]
    Lost,
}

/// Why an operation on mail failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A value that is only touched on blocking threads.
pub(crate) struct Kept<T>(Option<T>);

impl<T: Send + 'static> Kept<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// Does the work with the value.
    pub(crate) async fn with<R: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> Result<R, Fault> {
        let mut value = self.0.take().ok_or(Fault::Lost)?;
        let (value, result) = on_a_blocking_thread(move || {
            // After a panic the value is used again: a mailbox reads its folder anew at the next
            // refresh, and what it did on disk is whole after every single step.
            let result = catch_unwind(AssertUnwindSafe(|| work(&mut value)));
            (value, result)
        })
        .await?;
        self.0 = Some(value);
        result.map_err(|_| Fault::Panicked)
    }

    /// As [`Kept::with`], for work that can fail by itself.
    pub(crate) async fn ask<R: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut T) -> store::Result<R> + Send + 'static,
    ) -> Result<R, Trouble> {
        Ok(self.with(work).await??)
    }

    /// Gives the value to the work for good.
    pub(crate) async fn give<R: Send + 'static>(
        mut self,
        work: impl FnOnce(T) -> store::Result<R> + Send + 'static,
    ) -> Result<R, Trouble> {
        let value = self.0.take().ok_or(Fault::Lost)?;
        Ok(run(move || work(value)).await??)
    }
}

/// Does work that needs no kept value.
pub(crate) async fn run<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Fault> {
    let result = on_a_blocking_thread(move || catch_unwind(AssertUnwindSafe(work))).await?;
    result.map_err(|_| Fault::Panicked)
}

async fn on_a_blocking_thread<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Fault::Lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_costs_one_result() {
        let mut kept = Kept::new(vec![1]);
        assert_eq!(kept.with(|v: &mut Vec<i32>| v.len()).await, Ok(1));
        let panicked = kept.with(|_| -> usize { panic!("as a bad message might") }).await;
        assert_eq!(panicked, Err(Fault::Panicked));
        assert_eq!(kept.with(|v| v.len()).await, Ok(1));
    }

    #[tokio::test]
    async fn a_value_dropped_half_way_is_lost() {
        let mut kept = Kept::new(());
        drop(Box::pin(kept.with(|()| {}))); // never polled: still there
        assert_eq!(kept.with(|()| 1).await, Ok(1));
        let stopped = tokio::time::timeout(
            std::time::Duration::ZERO,
            kept.with(|()| std::thread::sleep(std::time::Duration::from_millis(50))),
        );
        assert!(stopped.await.is_err());
        assert_eq!(kept.with(|()| 1).await, Err(Fault::Lost));
    }
}
