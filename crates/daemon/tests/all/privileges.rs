//! Root is left behind.

use super::*;

#[test]
fn root_is_dropped_for_good() {
    if !is_root() {
        return;
    }
    let echod = Echod::start("", TCP);
    heard(&mut echod.connect("echo"));
    let status = fs::read_to_string(format!("/proc/{}/status", echod.child.id())).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(field("Uid:"), ["65534"; 4]);
    assert_eq!(field("Gid:"), ["65534"; 4]);
    assert!(field("Groups:").is_empty());
    assert_eq!(field("NoNewPrivs:"), ["1"]);
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(field(set), ["0000000000000000"], "{set}");
    }
    let admin = fs::metadata(echod.path("admin.sock")).unwrap();
    assert_eq!(admin.permissions().mode() & 0o777, 0o660);
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&admin), 65534);

    let dir = folder("", TCP);
    let text = fs::read_to_string(dir.path().join("echod.toml")).unwrap();
    fs::write(dir.path().join("echod.toml"), text.replace("nobody", "no-such-user")).unwrap();
    let mut lost = Echod::launch(Command::new(self::echod()), dir);
    assert_eq!(lost.end().code(), Some(78));
    assert!(
        lost.log().contains("there is no user \"no-such-user\" on this system"),
        "{}",
        lost.log()
    );
}
