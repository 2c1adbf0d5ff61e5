//! What is wrong is said, at the start and at a reload.

use super::*;

#[test]
fn a_reload_takes_up_what_it_can_and_a_wrong_one_changes_nothing() {
    let echod = Echod::start("", TCP);
    assert_eq!(heard(&mut echod.connect("echo")), "hello\n");
    let own = "greeting = \"good morning\"\nmax_descriptors = 100\n";
    write_config(echod.dir.path(), own, TCP);
    echod.signal(Signal::SIGHUP);
    eventually("the reload", || echod.log().contains("] info: reloaded\n").then_some(()));
    assert_eq!(heard(&mut echod.connect("echo")), "good morning\n");
    assert!(echod.log().contains("] warn: needs restart: max_descriptors\n"), "{}", echod.log());

    write_config(echod.dir.path(), "greeting = 3\ngreetnig = \"x\"\n", TCP);
    echod.signal(Signal::SIGHUP);
    eventually("the refusal", || {
        echod.log().contains("the running configuration stays").then_some(())
    });
    eventually("all errors", || {
        let log = echod.log();
        let hint = log.contains("unknown key `greetnig`; did you mean `greeting`?");
        (hint && log.contains("`greeting`: want a string, found an integer")).then_some(())
    });
    assert_eq!(heard(&mut echod.connect("echo")), "good morning\n");
}

#[test]
fn wrong_configuration_ends_with_78_and_says_all_of_it() {
    let mut echod =
        Echod::start("greeting = 1\nmax_connections = 0\n", "[listener.echo]\nadress = \"x\"\n");
    assert_eq!(echod.end().code(), Some(78));
    let log = echod.log();
    for part in [
        "`greeting`: want a string",
        "`max_connections`: 0 is not between",
        "did you mean `address`?",
    ] {
        assert!(log.contains(part), "{log}");
    }
    let mut echod = Echod::start("greeting = \"\"\n", TCP);
    assert_eq!(echod.end().code(), Some(78));
    assert!(echod.log().contains(": `greeting`: must not be empty"), "{}", echod.log());
    let output = Command::new(self::echod()).arg("--nonsense").output().unwrap();
    assert_eq!(output.status.code(), Some(64));
}
