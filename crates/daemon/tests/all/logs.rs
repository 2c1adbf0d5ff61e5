//! The log of a whole daemon.

use super::*;

#[test]
fn a_log_file_is_opened_again() {
    let dir = folder("", TCP);
    let file = dir.path().join("echod.log");
    let tables = format!("{TCP}[log]\nformat = \"json\"\nfile = \"{}\"\n", file.display());
    write_config(dir.path(), "", &tables);
    let echod = Echod::launch(Command::new(echod()), dir);
    heard(&mut echod.connect("echo"));
    let written = || fs::read_to_string(&file).is_ok_and(|text| text.contains("\"connected\""));
    eventually("the first lines", || written().then_some(()));
    let old = file.with_extension("old");
    fs::rename(&file, &old).unwrap();
    echod.signal(Signal::SIGUSR1);
    eventually("a new file", || file.exists().then_some(()));
    heard(&mut echod.connect("echo"));
    let text =
        eventually("a line", || fs::read_to_string(&file).ok().filter(|text| text.ends_with('\n')));
    let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((&line["name"], &line["message"]), (&"echod".into(), &"connected".into()));
    assert!(line["client"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(fs::read_to_string(&old).unwrap().contains("starting echod"));
}
