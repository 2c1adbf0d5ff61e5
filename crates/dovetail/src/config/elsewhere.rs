//! Keys and files that a daemon doesn't know and another one does: only this command knows them all.

use daemon::{FileSpec, Problem, nearest};

/// Says of each unknown key whose it is.
pub(super) fn point(problems: &mut [Problem], specs: &[FileSpec]) {
    for problem in problems {
        let Some(key) = problem.unknown_key() else { continue };
        let files: Vec<String> = specs
            .iter()
            .filter(|spec| spec.keys.iter().any(|known| known.name == key))
            .map(|spec| format!("{}.toml", spec.name))
            .collect();
        if !files.is_empty() {
            problem.message.push_str(&format!("; it is a key of {}", files.join(", ")));
        }
    }
}

/// What to say of a file that nothing reads.
pub(super) fn unread(name: &str, specs: &[FileSpec]) -> String {
    let near = nearest(name, specs.iter().map(|spec| spec.name));
    let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}.toml?"));
    format!("no daemon reads a file of this name{hint}")
}
