//! Who is a user, and where does their mail live?

use std::collections::HashSet;

use super::{Asking, Directory, Driver, Userdb};
use crate::passwd_file::Entry;
use crate::{FieldTemplates, Fields, Owners as _, PathError, SystemOwners, Template, Values};

/// The answer of a look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<T> {
    /// This one.
    Yes(T),
    /// There is no such user.
    No,
    /// It can't be found out now, and why: for the operator.
    Failed(String),
    /// It isn't to be found out now, as the user's own field `tempfail` says, and why: for the
    /// asker.
    TempFail(String),
}

impl Directory {
    /// Looks a user up: the name from here on, and the fields.
    #[must_use]
    pub fn user(&self, said: &str, asking: &Asking) -> Found<(String, Fields)> {
        let name = match self.names.apply(said) {
            Ok(name) => name,
            Err(error) => {
                tracing::info!(user = said, %error, "a name that can't be a user's");
                return Found::No;
            }
        };
        let mut failure = None;
        for userdb in &self.userdbs {
            match self.ask(userdb, &name.user, asking) {
                Found::Yes(mut fields) => {
                    if fields.take("tempfail").is_some_and(|value| value != "no") {
                        let reason = fields.get("reason").unwrap_or("tempfail is set");
                        return Found::TempFail(reason.into());
                    }
                    return Found::Yes((name.user, fields));
                }
                Found::No => {}
                Found::Failed(reason) | Found::TempFail(reason) => failure = Some(reason),
            }
        }
        failure.map_or(Found::No, Found::Failed)
    }

    fn ask(&self, userdb: &Userdb, user: &str, asking: &Asking) -> Found<Fields> {
        let values = asking.values(user);
        let entry = match &userdb.driver {
            Driver::PasswdFile { file, username_format } => match file.table(&values) {
                Err(error) => return Found::Failed(error.to_string()),
                Ok(table) => {
                    let key = username_format.expand(&values);
                    match table.as_ref().and_then(|table| table.get(&key)) {
                        Some(entry) if entry.has_user => Some(entry.clone()),
                        _ => return Found::No,
                    }
                }
            },
            // A look-up without a login: only the passdbs know whether there is such a user.
            Driver::Static { allow_all_users: false, .. } => match self.exists(user, asking) {
                Found::Yes(()) => None,
                Found::No => return Found::No,
                Found::Failed(reason) | Found::TempFail(reason) => return Found::Failed(reason),
            },
            Driver::Static { .. } => None,
        };
        let fields = match (&userdb.driver, entry) {
            (Driver::Static { fields, .. }, _) => userdb.fields(fields, None, &values),
            (Driver::PasswdFile { .. }, entry) => {
                userdb.fields(&FieldTemplates::default(), entry.as_ref(), &values)
            }
        };
        match fields {
            Ok(fields) => Found::Yes(fields),
            Err(error @ FieldError::Path(PathError::Climbs(_))) => {
                tracing::warn!(user, userdb = userdb.name, %error, "a name that can't be a user's");
                Found::No
            }
            Err(error) => Found::Failed(error.to_string()),
        }
    }

    /// All users' names, of the first userdb that can tell.
    ///
    /// # Errors
    /// None can tell, or the file can't be read; why.
    pub fn list(&self) -> Result<Vec<String>, String> {
        let asking = Asking::default();
        let values = asking.values("");
        let only = self.userdbs.len() == 1;
        for userdb in &self.userdbs {
            let files: Vec<_> = match &userdb.driver {
                Driver::PasswdFile { file, .. } => vec![file],
                // Its users are those of the passdbs.
                Driver::Static { allow_all_users: false, .. } => {
                    self.passdbs.iter().map(|passdb| &passdb.file).collect()
                }
                Driver::Static { .. } => continue,
            };
            let login_counts = only || matches!(userdb.driver, Driver::Static { .. });
            let mut names: Vec<String> = Vec::new();
            let mut seen = HashSet::new();
            for file in files {
                if !file.path().is_fixed() {
                    return Err(format!(
                        "{} has variables: it can't be listed",
                        file.path().source()
                    ));
                }
                let table = file.table(&values).map_err(|error| error.to_string())?;
                let entries = table.iter().flat_map(|table| table.iter());
                let listed = entries.filter(|(_, entry)| login_counts || entry.has_uid_field);
                let listed = listed.map(|(user, _)| user.to_owned());
                names.extend(listed.filter(|user| seen.insert(user.clone())));
            }
            return Ok(names);
        }
        Err("no userdb here can list its users".into())
    }
}

impl Userdb {
    fn fields(
        &self,
        template: &FieldTemplates,
        entry: Option<&Entry>,
        values: &Values<'_>,
    ) -> Result<Fields, FieldError> {
        let mut fields = Fields::new();
        set_all(&mut fields, &self.default_fields, values)?;
        set_all(&mut fields, template, values)?;
        if let Some(entry) = entry {
            entry.set_user_fields(&mut fields);
            if let Some(home) = &entry.home {
                set(&mut fields, "home", Some(&in_file(home)), values)?;
            }
            for (key, value) in entry.extra() {
                // Without the prefix a field is the passdb's.
                if let Some(key) = key.strip_prefix("userdb_") {
                    set(&mut fields, key, value.map(in_file).as_ref(), values)?;
                }
            }
        }
        set_all(&mut fields, &self.override_fields, values)?;
        Ok(fields)
    }
}

/// Variables count in a file, and a percent sign that starts none stands for itself. (Dovecot
/// leaves the home field alone; guides that write `%d/%n` there are common.)
fn in_file(text: &str) -> Template {
    Template::parse(text).unwrap_or_else(|_| Template::literal(text))
}

fn set_all(
    fields: &mut Fields,
    templates: &FieldTemplates,
    values: &Values<'_>,
) -> Result<(), FieldError> {
    templates.iter().try_for_each(|(key, value)| set(fields, key, value, values))
}

fn set(
    fields: &mut Fields,
    key: &str,
    value: Option<&Template>,
    values: &Values<'_>,
) -> Result<(), FieldError> {
    let home = fields.get("home").unwrap_or_default().to_owned();
    let values = Values { home: &home, ..*values };
    let Some(value) = value else {
        fields.set_bare(key);
        return Ok(());
    };
    let text = match key.split(':').next() {
        Some("home") => value.expand_path(&values)?.to_string_lossy().into_owned(),
        Some("uid" | "gid") => owner(key, &value.expand(&values))?,
        _ => value.expand_field(&values)?,
    };
    fields.set(key, &text);
    Ok(())
}

/// Clients are told numbers, and never root's.
fn owner(key: &str, text: &str) -> Result<String, FieldError> {
    let mut owners = SystemOwners::default();
    let number = if key.starts_with("uid") { owners.uid(text) } else { owners.gid(text) };
    match number.filter(|&number| number != 0) {
        Some(number) => Ok(number.to_string()),
        None => Err(FieldError::Owner { key: key.into(), text: text.into() }),
    }
}

/// A field that can't be given to this user.
#[derive(Debug, thiserror::Error)]
enum FieldError {
    #[error(transparent)]
    Path(#[from] PathError),
    #[error("{key}={text}: no user or group of the system, or root's")]
    Owner { key: String, text: String },
}

#[cfg(test)]
#[path = "user_tests.rs"]
mod tests;
