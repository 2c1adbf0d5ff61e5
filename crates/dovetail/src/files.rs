//! What this command knows of the daemons and of their files: who reads which, and what one of them says.
//!
//! It checks no folder as a whole (see [`crate::config`]) and asks no daemon that runs.

use std::path::Path;

use daemon::{Config, Daemon, FileSpec, Page, Problem};

use crate::exit::{EX_CONFIG, Failure};
use crate::places;
use crate::tls::keys;

/// What this command knows of a daemon.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    /// Its page of the manual.
    pub(crate) page: fn() -> Page,
    pub(crate) files: fn() -> Vec<FileSpec>,
    /// Of the daemon, or of an instance of it.
    pub(crate) check: fn(&Path, Option<&str>) -> Result<Config, Vec<Problem>>,
}

const fn known<D: Daemon>() -> Known {
    Known {
        name: D::NAME,
        page: daemon::daemon_page::<D>,
        files: D::files,
        check: |folder, instance| {
            daemon::check_instance::<D>(folder, instance).map(|(config, _)| config)
        },
    }
}

pub(crate) const KNOWN: &[Known] = &[
    known::<authd::Authd>(),
    known::<smtpd::Smtpd>(),
    known::<relayd::Relayd>(),
    known::<lmtpd::Lmtpd>(),
    known::<qmgrd::Qmgrd>(),
    known::<imapd::Imapd>(),
];

/// Files that this command alone reads.
const OTHERS: &[fn() -> FileSpec] = &[keys::spec];

/// Every file that may stand in the folder, each once: the daemons' own, then those that are shared.
pub(crate) fn specs() -> Vec<FileSpec> {
    let daemons = KNOWN.iter().flat_map(|daemon| (daemon.files)());
    let mut all: Vec<FileSpec> = Vec::new();
    for spec in daemons.chain(OTHERS.iter().map(|spec| spec())) {
        if !all.iter().any(|known| known.name == spec.name) {
            all.push(spec);
        }
    }
    all.sort_by_key(|spec| !is_daemon(spec.name));
    all
}

/// Whether a daemon, or an instance of one, is called so.
pub(crate) fn is_daemon(name: &str) -> bool {
    let base = places::base_of(name);
    KNOWN.iter().any(|daemon| daemon.name == base)
}

/// Whether a file of this name, without `.toml`, is read by anything.
pub(crate) fn knows(name: &str) -> bool {
    is_daemon(name) || specs().iter().any(|spec| spec.name == name)
}

/// `smtpd` and `mx` of `smtpd@mx`.
pub(crate) fn base_and_instance(name: &str) -> (&str, Option<&str>) {
    places::instance_of(name).map_or((name, None), |(base, instance)| (base, Some(instance)))
}

/// The shared files that a daemon, or an instance of one, reads.
pub(crate) fn shared_of(name: &str) -> Vec<FileSpec> {
    let base = places::base_of(name);
    let daemon = KNOWN.iter().find(|daemon| daemon.name == base);
    let files = daemon.map(|daemon| (daemon.files)()).unwrap_or_default();
    files.into_iter().filter(|spec| spec.name != base).collect()
}

/// Whether a daemon of this name shows certificates.
pub(crate) fn has_tls(name: &str) -> bool {
    let name = places::base_of(name);
    let daemon = KNOWN.iter().find(|daemon| daemon.name == name);
    daemon.is_some_and(|daemon| {
        (daemon.files)()
            .iter()
            .any(|spec| spec.name == name && spec.keys.iter().any(|key| key.name == "tls"))
    })
}

/// A daemon's, or an instance's, files, types and limits checked, and nothing opened that they name.
///
/// # Errors
/// What is wrong with them; that there is no such daemon.
pub(crate) fn load(name: &str, folder: &Path) -> Result<Config, Vec<Problem>> {
    let (base, instance) = base_and_instance(name);
    match KNOWN.iter().find(|daemon| daemon.name == base) {
        Some(daemon) => Config::load_instance(folder, base, instance, &(daemon.files)()),
        None => Err(vec![Problem::file(folder, format!("there is no daemon {name}"))]),
    }
}

/// The group that a daemon runs as: that of its file, or the usual one where it has no file. Our own
/// where we aren't root, who alone may give files away.
pub(crate) fn group_of(name: &str, folder: &Path) -> Result<u32, Failure> {
    let (uid, own) = daemon::users::own_ids();
    if uid != 0 {
        return Ok(own);
    }
    let config = folder.join(format!("{name}.toml")).exists().then(|| load(name, folder));
    let config = config.transpose();
    let config =
        config.map_err(|problems| Failure::new(EX_CONFIG, daemon::print_problems(&problems)))?;
    let said = |key| config.as_ref().and_then(|config| config.opt_text(key));
    let user = said("user").unwrap_or_else(|| daemon::default_user(places::base_of(name)));
    let (who, gid) = match said("group") {
        Some(group) => (group, daemon::users::gid(group)),
        None => (user, daemon::users::primary_gid(user)),
    };
    gid.ok_or_else(|| Failure::new(EX_CONFIG, format!("{name}: there is no group of \"{who}\"")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_of_every_daemon_is_sound() {
        for daemon in KNOWN {
            for spec in (daemon.files)() {
                assert!(
                    !spec.doc.is_empty() && spec.doc.ends_with('.'),
                    "{}: {}",
                    spec.name,
                    spec.doc
                );
                let names: BTreeSet<&str> = spec.keys.iter().map(|key| key.name).collect();
                assert_eq!(names.len(), spec.keys.len(), "a key of {} is defined twice", spec.name);
                let text = daemon::sample(&spec);
                let specs = [spec.clone()];
                if !spec.keys.iter().any(|key| key.required) {
                    Config::from_texts(spec.name, &specs, &[(spec.name, &text)]).unwrap();
                }
            }
        }
    }
}
