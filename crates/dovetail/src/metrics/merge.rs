//! Several daemons' metrics as one text: each family once, its samples labelled with whose they are.
//!
//! Prometheus' text exposition format 0.0.4. `daemon` is the daemon's name, `daemon_instance` that of
//! its instance, if it is one: Prometheus itself puts `instance` to whom it asked. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

const UP: &str = "dovetail_up";
const UP_HELP: &str = "# HELP dovetail_up Whether the daemon answers.\n# TYPE dovetail_up gauge\n";

/// A family's head as the first daemon gave it, and all daemons' samples.
#[derive(Default)]
struct Family {
    head: String,
    samples: String,
}

/// Merges; of a daemon without a text it is only said that it isn't up.
pub(super) fn merge(texts: impl Iterator<Item = (String, Option<String>)>) -> String {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for (name, text) in texts {
        let labels = labels(&name);
        match text {
            Some(text) => add(&mut families, &labels, &text),
            None => {
                let up = families.entry(UP.to_owned()).or_default();
                let _ = writeln!(up.samples, "{UP}{{{labels}}} 0");
            }
        }
    }
    if let Some(up) = families.get_mut(UP) {
        UP_HELP.clone_into(&mut up.head);
    }
    let mut out = String::new();
    for family in families.values() {
        out.push_str(&family.head);
        out.push_str(&family.samples);
    }
    out
}

fn labels(name: &str) -> String {
    match name.split_once('@') {
        Some((daemon, instance)) => {
            format!("daemon=\"{daemon}\",daemon_instance=\"{instance}\"")
        }
        None => format!("daemon=\"{name}\""),
    }
}

/// Samples belong to the family that was opened last. What isn't of the format is left out.
fn add(families: &mut BTreeMap<String, Family>, labels: &str, text: &str) {
    let mut current = None;
    let mut head = String::new();
    for line in text.lines() {
        if line.starts_with("# HELP ") {
            head = format!("{line}\n");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let Some((name, _)) = rest.split_once(' ') else { continue };
            let family = families.entry(name.to_owned()).or_default();
            if family.head.is_empty() {
                family.head = format!("{}{line}\n", std::mem::take(&mut head));
            }
            current = Some(name);
        } else if let (Some(name), Some(labelled)) = (current, labelled(line, labels))
            && line.starts_with(name)
            && let Some(family) = families.get_mut(name)
        {
            family.samples.push_str(&labelled);
        }
    }
}

/// A sample with the labels put before its own.
fn labelled(line: &str, labels: &str) -> Option<String> {
    let (name, rest) = line.split_at(line.find(['{', ' '])?);
    Some(match rest.strip_prefix('{') {
        Some(own) => format!("{name}{{{labels},{own}\n"),
        None => format!("{name}{{{labels}}}{rest}\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_told_once() {
        let of = |n| {
            format!(
                "# HELP dovetail_up X.\n# TYPE dovetail_up gauge\ndovetail_up 1\n\
                 # HELP t Times.\n# TYPE t histogram\nt_bucket{{le=\"+Inf\"}} {n}\nt_sum 0.5\nt_count {n}\n"
            )
        };
        let texts = [
            ("smtpd@mx".to_owned(), Some(of(1))),
            ("imapd".to_owned(), None),
            ("authd".to_owned(), Some(of(2))),
        ];
        let wanted = r#"# HELP dovetail_up Whether the daemon answers.
# TYPE dovetail_up gauge
dovetail_up{daemon="smtpd",daemon_instance="mx"} 1
dovetail_up{daemon="imapd"} 0
dovetail_up{daemon="authd"} 1
# HELP t Times.
# TYPE t histogram
t_bucket{daemon="smtpd",daemon_instance="mx",le="+Inf"} 1
t_sum{daemon="smtpd",daemon_instance="mx"} 0.5
t_count{daemon="smtpd",daemon_instance="mx"} 1
t_bucket{daemon="authd",le="+Inf"} 2
t_sum{daemon="authd"} 0.5
t_count{daemon="authd"} 2
"#;
        assert_eq!(merge(texts.into_iter()), wanted);
    }

    #[test]
    fn what_is_not_of_the_format_is_left_out() {
        let text = "x 1\n# TYPE\n# TYPE a gauge\nb 2\nnonsense\na 3\n\n# a comment\n";
        let merged = merge([("authd".to_owned(), Some(text.to_owned()))].into_iter());
        assert_eq!(merged, "# TYPE a gauge\na{daemon=\"authd\"} 3\n");
        assert_eq!(merge(std::iter::empty()), "");
    }
}
