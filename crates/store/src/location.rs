//! `maildir:~/Maildir`: where a user's mail is (Dovecot's `mail_location`), for one user.

use std::path::{Component, Path, PathBuf};

use crate::roots::Roots;

/// Whose mail it is, as authd's userdb tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The user's name, `alice@example.test`.
    pub name: String,
    /// The home folder, absolute.
    pub home: Option<PathBuf>,
}

/// Why a location can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Not `maildir:`.
    #[error("mail location {0:?}: only \"maildir:PATH\" is known")]
    Driver(String),
    /// `:LAYOUT=` and the like.
    #[error("mail location: option {0:?} is not supported; known: INDEX=")]
    Option(String),
    /// `%x`
    #[error("mail location: unknown variable %{0}; known: %u %n %d %h, each also as %Lu …")]
    Variable(String),
    /// The path needs a home and the user has none.
    #[error("mail location needs the user's home folder, and the userdb gave none")]
    NoHome,
    /// The user has no domain.
    #[error("mail location has %d, and the user's name has no domain")]
    NoDomain,
    /// The user's name would lead elsewhere.
    #[error("the user's name can't be part of a path")]
    UnsafeName,
    /// Not where mail may lie.
    #[error("{} or the user's home is outside mail_roots", .0.display())]
    OutsideRoots(PathBuf),
    /// Relative, or with `..` in it.
    #[error("mail location {0:?} is not an absolute path without \"..\"")]
    Path(String),
}

/// A mail location as configured, checked, its variables not yet filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    root: String,
}

impl Location {
    /// Reads `maildir:PATH[:INDEX=…]`. INDEX only moves Dovecot's own caches, so it is accepted and
    /// means nothing here; other options change where mail is and are refused.
    ///
    /// # Errors
    /// For another driver, other options, unknown variables.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        let rest =
            text.strip_prefix("maildir:").ok_or_else(|| LocationError::Driver(text.to_owned()))?;
        let mut parts = split_colons(rest).into_iter();
        let root = parts.next().unwrap_or_default();
        for option in parts {
            if !option.starts_with("INDEX=") {
                let key = option.split('=').next().unwrap_or_default();
                return Err(LocationError::Option(key.to_owned()));
            }
        }
        let trimmed = match root.strip_suffix('/') {
            Some(trimmed) if !trimmed.is_empty() => trimmed.to_owned(),
            _ => root,
        };
        let probe = Owner { name: "user@domain".to_owned(), home: Some(PathBuf::from("/home")) };
        let location = Self { root: trimmed };
        location.expand(&probe)?;
        Ok(location)
    }

    /// The folder for one user.
    ///
    /// # Errors
    /// If the user lacks what the location names, or the result isn't a plain absolute path.
    pub fn expand(&self, owner: &Owner) -> Result<PathBuf, LocationError> {
        let mut path = String::new();
        let mut rest = self.root.as_str();
        if rest == "~" || rest.starts_with("~/") {
            path.push_str(home(owner)?);
            rest = rest.get(1..).unwrap_or_default();
        }
        let mut chars = rest.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                path.push(c);
                continue;
            }
            let mut name: String = chars.next().map(String::from).unwrap_or_default();
            if name == "L" {
                name.extend(chars.next());
            }
            path.push_str(&variable(&name, owner)?);
        }
        let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
        let whole = Path::new(&path);
        if !whole.is_absolute() || !whole.components().all(plain) || path.contains('\0') {
            return Err(LocationError::Path(path));
        }
        Ok(whole.to_path_buf())
    }
}

impl Location {
    /// As [`Location::expand`], where the folder and the user's home are below the roots.
    ///
    /// # Errors
    /// As there, and [`LocationError::OutsideRoots`].
    pub fn expand_within(&self, roots: &Roots, owner: &Owner) -> Result<PathBuf, LocationError> {
        let path = self.expand(owner)?;
        if roots.admit(&path) && owner.home.as_ref().is_none_or(|home| roots.admit(home)) {
            return Ok(path);
        }
        Err(LocationError::OutsideRoots(path))
    }
}

/// Splits at `:`; `::` is a colon that stays.
fn split_colons(text: &str) -> Vec<String> {
    text.split("::")
        .map(|piece| piece.split(':').map(str::to_owned).collect::<Vec<_>>())
        .reduce(|mut all, piece| {
            let mut piece = piece.into_iter();
            if let (Some(last), Some(first)) = (all.last_mut(), piece.next()) {
                last.push(':');
                last.push_str(&first);
            }
            all.extend(piece);
            all
        })
        .unwrap_or_default()
}

fn home(owner: &Owner) -> Result<&str, LocationError> {
    owner.home.as_deref().and_then(Path::to_str).ok_or(LocationError::NoHome)
}

/// `%u` and its kin. Parts of the user's name must not climb or branch off.
fn variable(name: &str, owner: &Owner) -> Result<String, LocationError> {
    let (local, domain) = match owner.name.rsplit_once('@') {
        Some((local, domain)) => (local, Some(domain)),
        None => (owner.name.as_str(), None),
    };
    let (lower, letter) = match name.strip_prefix('L') {
        Some(letter) => (true, letter),
        None => (false, name),
    };
    let value = match letter {
        "%" => return Ok("%".to_owned()),
        "h" => return home(owner).map(str::to_owned),
        "u" => owner.name.as_str(),
        "n" => local,
        "d" => domain.ok_or(LocationError::NoDomain)?,
        _ => return Err(LocationError::Variable(name.to_owned())),
    };
    if value.is_empty() || value.starts_with('.') || value.contains(['/', '\0']) {
        return Err(LocationError::UnsafeName);
    }
    Ok(if lower { value.to_lowercase() } else { value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(location: &str, user: &str, home: Option<&str>) -> Result<String, LocationError> {
        let owner = Owner { name: user.to_owned(), home: home.map(PathBuf::from) };
        Ok(Location::parse(location)?.expand(&owner)?.to_string_lossy().into_owned())
    }

    #[test]
    fn expands() {
        let home = Some("/h/a");
        assert_eq!(at("maildir:~/Maildir", "a", home).as_deref(), Ok("/h/a/Maildir"));
        assert_eq!(at("maildir:~/Maildir/:INDEX=/x", "a", home).as_deref(), Ok("/h/a/Maildir"));
        assert_eq!(at("maildir:/v/%d/%n", "a@B.c", None).as_deref(), Ok("/v/B.c/a"));
        assert_eq!(at("maildir:/v/%Lu/a::b%%", "A@B.c", None).as_deref(), Ok("/v/a@b.c/a:b%"));
        assert_eq!(at("maildir:%h", "a", home).as_deref(), Ok("/h/a"));
    }

    #[test]
    fn refuses() {
        assert!(matches!(at("mbox:~/x", "a", None), Err(LocationError::Driver(_))));
        assert!(matches!(at("maildir:~/x:LAYOUT=fs", "a", None), Err(LocationError::Option(_))));
        assert!(matches!(at("maildir:/%q", "a", None), Err(LocationError::Variable(_))));
        assert_eq!(at("maildir:~/x", "a", None), Err(LocationError::NoHome));
        assert_eq!(at("maildir:/v/%d", "a", None), Err(LocationError::NoDomain));
        for user in ["../b", "..", ".", "a/b", "a\0@d", "@d", "a@.."] {
            assert!(at("maildir:/v/%d/%n", user, None).is_err(), "{user}");
        }
        assert!(matches!(at("maildir:Mail", "a", None), Err(LocationError::Path(_))));
        assert!(matches!(at("maildir:/a/../b", "a", None), Err(LocationError::Path(_))));
        assert!(matches!(at("maildir:~", "a", Some("relative")), Err(LocationError::Path(_))));
    }
}
