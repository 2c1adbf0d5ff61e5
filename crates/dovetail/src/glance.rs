//! A look at all daemons at once: each is asked the same at its admin socket, side by side.
//!
//! Who doesn't answer soon counts as away. An instance that has no file of its own and no process is
//! idle: it leaves when it has nothing to do, and its socket starts it again.

use std::path::Path;

use hyper::StatusCode;
use hyper::body::Bytes;
use tokio::task::JoinSet;

use crate::exit::Failure;
use crate::{admin, places};

/// Daemons and instances that are asked; a system has fewer.
const MAX_ASKED: usize = 1024;
/// Asked at a time.
const AT_ONCE: usize = 64;

/// What one daemon answered.
pub(crate) enum Seen {
    /// One answer a path, in their order; an empty one where it came only for the first.
    Answers(Vec<(StatusCode, Bytes)>),
    /// Nobody is needed there now.
    Idle,
    /// Why there is no answer.
    Away(Failure),
}

/// Asks every daemon for these paths; in the order of the configuration.
pub(crate) async fn all(folder: &Path, paths: &'static [&'static str]) -> Vec<(String, Seen)> {
    let mut names: Vec<String> = places::configured(folder);
    names.truncate(MAX_ASKED);
    let mut found: Vec<Option<Seen>> = names.iter().map(|_| None).collect();
    let mut asking = JoinSet::new();
    for (index, name) in names.iter().enumerate() {
        if asking.len() >= AT_ONCE {
            take(asking.join_next().await, &mut found);
        }
        let socket = places::socket(folder, name, "admin");
        let may_be_idle = name.contains('@') && !folder.join(format!("{name}.toml")).exists();
        asking.spawn(async move { (index, one(&socket, paths, may_be_idle).await) });
    }
    while let Some(joined) = asking.join_next().await {
        take(Some(joined), &mut found);
    }
    let lost = || Seen::Away(Failure::system("asking it", "the task ended"));
    names.into_iter().zip(found.into_iter().map(|seen| seen.unwrap_or_else(lost))).collect()
}

type Joined = Result<(usize, Seen), tokio::task::JoinError>;

fn take(joined: Option<Joined>, found: &mut [Option<Seen>]) {
    if let Some(Ok((index, seen))) = joined
        && let Some(place) = found.get_mut(index)
    {
        *place = Some(seen);
    }
}

async fn one(socket: &Path, paths: &[&str], may_be_idle: bool) -> Seen {
    let mut answers = Vec::new();
    for path in paths {
        match admin::glance(socket, path).await {
            Ok(answer) => answers.push(answer),
            Err(_) if may_be_idle && admin::is_deserted(socket).await => return Seen::Idle,
            // It answered the first: it is there, and this is all that isn't known.
            Err(_) if !answers.is_empty() => {
                answers.push((StatusCode::SERVICE_UNAVAILABLE, Bytes::new()));
            }
            Err(failure) => return Seen::Away(failure),
        }
    }
    Seen::Answers(answers)
}
