//! A package's control file: the paragraph of deploy/debian/control, with versions, sizes and the
//! libraries that its programs need.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::process;
use crate::stage::said;

const FILE: &str = "deploy/debian/control";

/// All paragraphs.
pub(super) struct Control(Vec<String>);

impl Control {
    pub(super) fn read() -> Result<Self, String> {
        let text = fs::read_to_string(process::root().join(FILE)).map_err(said(FILE))?;
        Ok(Self(text.split("\n\n").map(|text| text.trim().to_owned()).collect()))
    }

    /// The package's paragraph, filled in for the tree that it will hold.
    pub(super) fn paragraph(
        &self,
        name: &str,
        version: &str,
        tree: &Path,
    ) -> Result<String, String> {
        let first = format!("Package: {name}\n");
        let paragraph = self.0.iter().find_map(|text| text.strip_prefix(&first));
        let paragraph = paragraph.ok_or_else(|| format!("{FILE} has no package {name}"))?;
        let mut text = paragraph.replace("${version}", version);
        if text.contains("${shlibs}") {
            text = text.replace("${shlibs}", &libraries(tree)?);
        }
        let own = |field: &str| text.lines().any(|line| line.starts_with(field));
        let architecture = if own("Architecture:") {
            String::new()
        } else {
            format!("Architecture: {}\n", architecture(name)?)
        };
        Ok(format!(
            "Package: {name}\nVersion: {version}\n{architecture}Section: mail\nPriority: optional\n\
             Maintainer: Dovetail maintainers <maintainers@dovetail.invalid>\n\
             Installed-Size: {}\n{text}\n",
            size(tree)?
        ))
    }
}

/// `all` for a package without programs, else the machine's.
pub(super) fn architecture(name: &str) -> Result<String, String> {
    let text = fs::read_to_string(process::root().join(FILE)).map_err(said(FILE))?;
    let all = text
        .split("\n\n")
        .filter(|paragraph| paragraph.contains("Architecture: all"))
        .any(|paragraph| paragraph.trim().starts_with(&format!("Package: {name}\n")));
    if all {
        return Ok("all".to_owned());
    }
    let out = process::output(Command::new("dpkg").arg("--print-architecture"))?;
    Ok(String::from_utf8_lossy(&out).trim().to_owned())
}

/// What dpkg-shlibdeps says of the tree's programs.
fn libraries(tree: &Path) -> Result<String, String> {
    let folder = tree.with_extension("shlibdeps");
    fs::create_dir_all(folder.join("debian")).map_err(said(&folder))?;
    // It wants to run in a source package.
    let source = "Source: dovetail\n\nPackage: dovetail\nArchitecture: any\n";
    let control = folder.join("debian/control");
    fs::write(&control, source).map_err(said(&control))?;
    let mut command = Command::new("dpkg-shlibdeps");
    command.current_dir(&folder).arg("-O");
    for program in programs(tree)? {
        command.arg("-e").arg(program);
    }
    let out = process::output(&mut command)?;
    fs::remove_dir_all(&folder).map_err(said(&folder))?;
    let said = String::from_utf8_lossy(&out);
    let depends = said.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    depends.map(str::to_owned).ok_or_else(|| format!("dpkg-shlibdeps said: {said}"))
}

fn programs(tree: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    let mut found = Vec::new();
    for folder in ["usr/bin", "usr/sbin", "usr/libexec/dovetail"] {
        let folder = tree.join(folder);
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder).map_err(said(&folder))? {
            found.push(entry.map_err(said(&folder))?.path());
        }
    }
    Ok(found)
}

/// In KiB, as the field counts.
fn size(tree: &Path) -> Result<String, String> {
    let out = process::output(Command::new("du").args(["-k", "-s", "--apparent-size"]).arg(tree))?;
    let out = String::from_utf8_lossy(&out);
    Ok(out.split_whitespace().next().unwrap_or("0").to_owned())
}
