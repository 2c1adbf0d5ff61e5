//! Tables on disk: changes, broken changes, files that go and come.

use super::*;

struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a scratch folder") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("virtual")
    }

    fn write(&self, text: &str) {
        std::fs::write(self.path(), text).expect("written");
    }

    /// As an editor does it: a new file renamed over the old one.
    fn replace(&self, text: &str) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, text).expect("written");
        std::fs::rename(new, self.path()).expect("renamed");
    }

    fn open(&self) -> Result<Table<String>, TableError> {
        self.open_within(Limits::default())
    }

    fn open_within(&self, limits: Limits) -> Result<Table<String>, TableError> {
        Table::open(self.path(), limits, |_, value| match value {
            "bad" => Err("a bad value".into()),
            good => Ok(Some(good.to_owned())),
        })
    }
}

fn get(table: &Table<String>, key: &str) -> Option<String> {
    table.current().expect("there").get(key).cloned()
}

#[test]
fn a_change_is_seen_at_the_next_look() {
    let scratch = Scratch::new();
    scratch.write("A one\n");
    let table = scratch.open().expect("a table");
    assert_eq!(get(&table, "a").as_deref(), Some("one"));
    scratch.write("a two\n");
    assert_eq!(get(&table, "a").as_deref(), Some("two"));
    scratch.replace("a six\n");
    assert_eq!(get(&table, "a").as_deref(), Some("six"));
}

#[test]
fn an_unchanged_file_is_not_read_again() {
    let scratch = Scratch::new();
    scratch.write("a one\n");
    let old = SystemTime::now() - Duration::from_secs(60);
    let file = File::options().write(true).open(scratch.path()).expect("there");
    file.set_modified(old).expect("set");
    let table = scratch.open().expect("a table");
    let first = table.current().expect("there");
    assert!(Arc::ptr_eq(&first, &table.current().expect("there")));
}

#[test]
fn a_broken_change_leaves_the_old_table() {
    let scratch = Scratch::new();
    scratch.write("a one\n");
    let table = scratch.open().expect("a table");
    scratch.replace("b two\na bad\n");
    assert_eq!(get(&table, "a").as_deref(), Some("one"));
    assert_eq!(get(&table, "b"), None);
    scratch.replace("a three\n");
    assert_eq!(get(&table, "a").as_deref(), Some("three"));
}

#[test]
fn a_missing_file_is_an_error_and_comes_back() {
    let scratch = Scratch::new();
    assert!(matches!(scratch.open(), Err(TableError::Io { .. })));
    scratch.write("a one\n");
    let table = scratch.open().expect("a table");
    std::fs::remove_file(scratch.path()).expect("removed");
    assert!(matches!(table.current(), Err(TableError::Io { .. })));
    scratch.write("a two\n");
    assert_eq!(get(&table, "a").as_deref(), Some("two"));
}

#[test]
fn errors_name_file_and_line() {
    let scratch = Scratch::new();
    scratch.write("# first\na one\nb bad\n");
    let error = scratch.open().expect_err("bad").to_string();
    assert!(error.ends_with("virtual:3: `b`: a bad value"), "{error}");
}

#[test]
fn a_table_that_grows_too_large() {
    let scratch = Scratch::new();
    scratch.write("a one\n");
    let table = scratch.open_within(Limits { octets: 20, entries: 2 }).expect("a table");
    scratch.replace(&"a two\n".repeat(9));
    assert_eq!(get(&table, "a").as_deref(), Some("one"));
    scratch.replace("a 1\nb 2\nc 3\n");
    assert_eq!(get(&table, "a").as_deref(), Some("one"));
    scratch.replace("a 1\nb 2\n");
    assert_eq!(get(&table, "b").as_deref(), Some("2"));
}
