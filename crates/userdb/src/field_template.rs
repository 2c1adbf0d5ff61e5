//! Fields that are the same for all users but for the variables in them.

use crate::{Owners, Template, TemplateError, Values};

/// `uid=vmail gid=vmail home=/var/vmail/%d/%n`: fields between blanks, each value a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldTemplates(Vec<(String, Option<Template>)>);

impl FieldTemplates {
    /// Reads the list.
    ///
    /// # Errors
    /// A value holds a variable that isn't known.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        let fields = source.split_ascii_whitespace().map(|field| match field.split_once('=') {
            Some((key, value)) => Ok((key.to_owned(), Some(Template::parse(value)?))),
            None => Ok((field.to_owned(), None)),
        });
        fields.collect::<Result<_, _>>().map(Self)
    }

    /// Turns the names in `uid` and `gid` fields into numbers, once for all users.
    ///
    /// # Errors
    /// A name that the system doesn't know, or root's: mail is never root's here.
    pub fn resolve_owners(&mut self, owners: &mut dyn Owners) -> Result<(), OwnerError> {
        for (key, value) in &mut self.0 {
            let Some(template) = value.as_mut().filter(|value| value.is_fixed()) else { continue };
            let text = template.expand(&Values::default());
            let number = match key.as_str() {
                "uid" => owners.uid(&text),
                "gid" => owners.gid(&text),
                _ => continue,
            };
            let number = number.filter(|&number| number != 0);
            let number = number.ok_or_else(|| OwnerError { key: key.clone(), text })?;
            *template = Template::literal(&number.to_string());
        }
        Ok(())
    }

    /// The fields: name and, unless bare, value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&Template>)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_ref()))
    }
}

/// A uid or gid that can't own mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}={text}: no user or group of this system, or root's, whom mail can't belong to")]
pub struct OwnerError {
    /// `uid` or `gid`.
    pub key: String,
    /// What stands there.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemOwners;

    #[test]
    fn field_lists() {
        let fields = FieldTemplates::parse("uid=5000  home=/v/%n nologin").unwrap();
        let keys: Vec<_> = fields.iter().map(|(key, value)| (key, value.is_some())).collect();
        assert_eq!(keys, [("uid", true), ("home", true), ("nologin", false)]);
    }

    #[test]
    fn owners_become_numbers() {
        let mut fields = FieldTemplates::parse("uid=daemon gid=5 home=/v/%n").unwrap();
        fields.resolve_owners(&mut SystemOwners::default()).unwrap();
        let uid = fields.iter().next().and_then(|(_, value)| Some(value?.source().to_owned()));
        assert_eq!(uid.as_deref(), Some("1"));
        for bad in ["uid=0", "gid=root", "uid=no-such-user-here", "uid="] {
            let mut fields = FieldTemplates::parse(bad).unwrap();
            assert!(fields.resolve_owners(&mut SystemOwners::default()).is_err(), "{bad}");
        }
    }
}
