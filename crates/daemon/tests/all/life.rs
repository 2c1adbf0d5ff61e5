//! Reload by the admin socket, and the end: at once, drained, or cut.

use super::*;

const RELOAD: &str =
    "POST /v1/reload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

#[test]
fn a_reload_by_the_admin_socket_tells_what_came_of_it() {
    let echod = Echod::start("", TCP);
    echod.address("echo");
    write_config(echod.dir.path(), "greeting = \"good morning\"\nmax_descriptors = 100\n", TCP);
    let (status, body) = echod.ask(RELOAD);
    assert_eq!((status, &body["reloaded"]), (200, &true.into()), "{body}");
    assert_eq!(body["needs_restart"], serde_json::json!(["max_descriptors"]));
    assert_eq!(heard(&mut echod.connect("echo")), "good morning\n");
    // It still needs one, as long as it hasn't had it.
    assert_eq!(echod.ask(RELOAD).1["needs_restart"][0], "max_descriptors");

    write_config(echod.dir.path(), "greeting = 3\nunlimited_networks = [\"x\"]\n", TCP);
    let (status, body) = echod.ask(RELOAD);
    let error = body["error"].as_str().unwrap();
    assert_eq!(status, 422);
    assert!(error.starts_with("reload failed; the running configuration stays:\n"), "{error}");
    assert!(error.contains("`greeting`: want a string"), "{error}");
    assert_eq!(heard(&mut echod.connect("echo")), "good morning\n");

    write_config(echod.dir.path(), "greeting = \"back\"\nunlimited_networks = [\"x\"]\n", TCP);
    let error = echod.ask(RELOAD).1["error"].as_str().unwrap().to_owned();
    assert!(error.contains("`unlimited_networks`: `x` is no network"), "{error}");
    write_config(echod.dir.path(), "greeting = \"back\"\n", TCP);
    assert_eq!(echod.ask(RELOAD).1["needs_restart"], serde_json::json!([]));
    assert_eq!(heard(&mut echod.connect("echo")), "back\n");
}

#[test]
fn the_sign_to_stop_closes_the_doors_at_once_and_a_second_ends_all() {
    let dir = folder("", TCP);
    write_config(dir.path(), "", TCP);
    let text = fs::read_to_string(dir.path().join("echod.toml")).unwrap();
    let patient_drain = text.replace("drain = \"500ms\"", "drain = \"10m\"");
    fs::write(dir.path().join("echod.toml"), patient_drain).unwrap();
    let mut echod = Echod::launch(Command::new(self::echod()), dir);
    let address = echod.address("echo");
    let mut held = echod.connect("echo");
    assert_eq!(heard(&mut held), "hello\n");
    held.get_mut().write_all(b"stay\n").unwrap();
    assert_eq!(heard(&mut held), "stay\n");
    echod.signal(Signal::SIGTERM);
    eventually("closed doors", || TcpStream::connect(&address).is_err().then_some(()));
    // Work in hand goes on.
    held.get_mut().write_all(b"still here\n").unwrap();
    assert_eq!(heard(&mut held), "still here\n");
    assert!(echod.child.try_wait().unwrap().is_none());
    echod.signal(Signal::SIGTERM);
    assert_eq!(echod.end().code(), Some(0));
    assert_eq!(heard(&mut held), "");
    let log = echod.log();
    assert!(log.contains("told again to stop: connections are cut cut=1\n"), "{log}");
    assert!(log.ends_with("info: stopped\n"), "{log}");
}

#[test]
fn the_drain_has_an_end() {
    let mut echod = Echod::start("", TCP);
    let mut held = echod.connect("echo");
    held.get_mut().write_all(b"stay\n").unwrap();
    assert_eq!((heard(&mut held), heard(&mut held)), ("hello\n".into(), "stay\n".into()));
    echod.signal(Signal::SIGTERM);
    assert_eq!(echod.end().code(), Some(0));
    assert!(echod.log().contains("connections were cut: the drain's time was over cut=1\n"));
}
