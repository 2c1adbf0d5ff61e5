//! `dovetail config show`: what the daemons go by, as TOML that loads again.

use std::collections::BTreeSet;
use std::path::Path;

use daemon::{Config, Problem, Shown};
use serde_json::{Map, Value};

use super::folder::files_in;
use crate::cli::{Cli, ShowArguments};
use crate::exit::{EX_CONFIG, EX_USAGE, Failure};
use crate::files::{is_daemon, knows, load, shared_of, specs};
use crate::output;

/// One file as TOML.
struct Part {
    /// Without `.toml`.
    name: String,
    text: String,
}

pub(super) fn run(arguments: &ShowArguments, cli: &Cli) -> Result<(), Failure> {
    let names: Vec<&str> =
        arguments.names.iter().map(|name| name.strip_suffix(".toml").unwrap_or(name)).collect();
    if let Some(unknown) = names.iter().find(|name| !knows(name)) {
        let known: BTreeSet<&str> = specs().iter().map(|spec| spec.name).collect();
        let known: Vec<&str> = known.into_iter().collect();
        let message = format!("no file is named {unknown}.toml; there are {}", known.join(", "));
        return Err(Failure::new(EX_USAGE, message));
    }
    let parts = if arguments.defaults {
        defaults(&names)
    } else {
        let which = if arguments.changed { Shown::Changed } else { Shown::All };
        of_folder(cli.folder(), &names, which)
    };
    let parts = parts.map_err(|problems| {
        Failure::new(
            EX_CONFIG,
            format!("configuration:\n{}", daemon::print_problems(&problems).trim_end()),
        )
    })?;
    if cli.json {
        return output::print_json(&parts.iter().map(as_json).collect::<Map<_, _>>().into());
    }
    let folder = cli.folder().display();
    let text: Vec<String> = parts
        .iter()
        .map(|Part { name, text }| match arguments.defaults {
            true => format!("# {name}.toml\n{text}"),
            false => format!("# {folder}/{name}.toml\n{text}"),
        })
        .collect();
    output::print(&text.join("\n"))
}

/// The files of the folder that daemons read, or the named ones.
fn of_folder(folder: &Path, names: &[&str], which: Shown) -> Result<Vec<Part>, Vec<Problem>> {
    let there = files_in(folder)
        .map_err(|error| vec![Problem::file(folder, format!("cannot be read: {error}"))])?;
    let wanted = |name: &str| names.is_empty() || names.contains(&name);
    let (mut parts, mut problems): (Vec<Part>, Vec<Problem>) = (Vec::new(), Vec::new());
    let readers: Vec<&String> = there.iter().filter(|name| is_daemon(name)).collect();
    for name in &readers {
        match load(name, folder) {
            Ok(config) => shown(name, &config, which, &mut parts),
            Err(found) => problems.extend(found),
        }
    }
    for spec in specs().iter().filter(|spec| !is_daemon(spec.name)) {
        let apart = !parts.iter().any(|part| part.name == spec.name) && there.contains(spec.name);
        if apart {
            match Config::load(folder, spec.name, std::slice::from_ref(spec)) {
                Ok(config) => shown(spec.name, &config, which, &mut parts),
                Err(found) => problems.extend(found),
            }
        }
    }
    for name in names.iter().filter(|name| !parts.iter().any(|part| part.name == **name)) {
        if !problems.iter().any(|problem| problem.file.ends_with(format!("{name}.toml"))) {
            problems.push(Problem::file(folder.join(format!("{name}.toml")), "no such file"));
        }
    }
    // Of the named files only; a wrong file elsewhere is no reason not to show this one.
    let of_wanted = |problem: &Problem| {
        let stem = problem.file.file_stem().and_then(|stem| stem.to_str());
        stem.is_none_or(wanted)
    };
    problems.retain(of_wanted);
    parts.retain(|part| wanted(&part.name));
    parts.sort_by_key(|part| !is_daemon(&part.name));
    if problems.is_empty() { Ok(parts) } else { Err(problems) }
}

/// A daemon's own file, and the shared ones that weren't shown yet.
fn shown(name: &str, config: &Config, which: Shown, parts: &mut Vec<Part>) {
    parts.push(Part { name: name.to_owned(), text: daemon::show(config, which) });
    for spec in shared_of(name) {
        if !parts.iter().any(|part| part.name == spec.name) {
            let text = daemon::show(config.file(spec.name), which);
            parts.push(Part { name: spec.name.to_owned(), text });
        }
    }
}

fn defaults(names: &[&str]) -> Result<Vec<Part>, Vec<Problem>> {
    let mut parts: Vec<Part> = Vec::new();
    for spec in specs() {
        let wanted = names.is_empty() || names.contains(&spec.name);
        if wanted && !parts.iter().any(|part| part.name == spec.name) {
            let config = Config::from_texts(spec.name, std::slice::from_ref(&spec), &[])?;
            let text = daemon::show(&config, Shown::Defaults);
            parts.push(Part { name: spec.name.to_owned(), text });
        }
    }
    Ok(parts)
}

/// The TOML once more, as JSON.
fn as_json(part: &Part) -> (String, Value) {
    let value = toml_span::parse(&part.text).map_or(Value::Null, |toml| json_of(&toml));
    (part.name.clone(), value)
}

fn json_of(toml: &toml_span::Value<'_>) -> Value {
    use toml_span::value::ValueInner;
    match toml.as_ref() {
        ValueInner::String(text) => text.as_ref().into(),
        ValueInner::Integer(number) => (*number).into(),
        ValueInner::Float(number) => (*number).into(),
        ValueInner::Boolean(value) => (*value).into(),
        ValueInner::Array(items) => items.iter().map(json_of).collect(),
        ValueInner::Table(table) => {
            let entries = table.iter().map(|(key, value)| (key.name.to_string(), json_of(value)));
            entries.collect::<Map<_, _>>().into()
        }
    }
}
