//! A user's fields: ordered, each key once, with Dovecot's `:protected` and `:remove`.

/// One field. A bare one has an empty value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name.
    pub key: String,
    /// What stands behind the `=`.
    pub value: String,
    /// There was no `=`.
    pub bare: bool,
}

/// Fields in the order in which they were first set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<Field>);

impl Fields {
    /// No fields.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets `key`, in place if it is there. A key that ends in `:protected` is set only if it
    /// isn't there yet; one that ends in `:remove` takes the field away.
    pub fn set(&mut self, key: &str, value: &str) {
        self.put(key, value, false);
    }

    /// Sets a `key` that was written without a value.
    pub fn set_bare(&mut self, key: &str) {
        self.put(key, "", true);
    }

    fn put(&mut self, key: &str, value: &str, bare: bool) {
        if let Some(key) = key.strip_suffix(":remove") {
            self.0.retain(|field| field.key != key);
            return;
        }
        let protected = key.strip_suffix(":protected");
        let key = protected.unwrap_or(key);
        match self.0.iter_mut().find(|field| field.key == key) {
            Some(_) if protected.is_some() => {}
            Some(field) => {
                field.value = value.into();
                field.bare = bare;
            }
            None => self.0.push(Field { key: key.into(), value: value.into(), bare }),
        }
    }

    /// The value of a field; "" for a bare one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|field| field.key == key).map(|field| field.value.as_str())
    }

    /// Takes a field out.
    pub fn take(&mut self, key: &str) -> Option<String> {
        let at = self.0.iter().position(|field| field.key == key)?;
        Some(self.0.remove(at).value)
    }

    /// Drops the fields that `keep` doesn't want.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|field| keep(&field.key));
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = &Field> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_protect_remove() {
        let mut fields = Fields::new();
        fields.set("a", "1");
        fields.set("a:protected", "2");
        fields.set("b:protected", "3");
        fields.set_bare("c");
        fields.set("c:remove", "");
        fields.set("a", "4");
        let got: Vec<_> = fields.iter().map(|f| (f.key.as_str(), f.value.as_str())).collect();
        assert_eq!(got, [("a", "4"), ("b", "3")]);
    }
}
