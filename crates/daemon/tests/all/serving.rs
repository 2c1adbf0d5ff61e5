//! Connections are served, counted, and survive each other.

use super::*;

#[test]
fn serves_and_tells_its_status_and_ends() {
    let mut echod = Echod::start("", TCP);
    let mut one = echod.connect("echo");
    assert_eq!(heard(&mut one), "hello\n");
    one.get_mut().write_all(b"x\n").unwrap();
    assert_eq!(heard(&mut one), "x\n");
    let status = echod.status();
    assert_eq!(status["name"], "echod");
    assert_eq!(status["pid"], echod.child.id());
    assert_eq!(status["greeting_length"], 5);
    assert!(status["connections"].as_u64().unwrap() >= 1, "{status}");
    echod.signal(Signal::SIGTERM);
    assert_eq!(heard(&mut one), "", "the session ends on shutdown");
    assert_eq!(echod.end().code(), Some(0));
    let log = echod.log();
    assert!(log.contains("] info: starting echod ") && log.ends_with("] info: stopped\n"), "{log}");
    assert!(log.contains("] info: connected client=127.0.0.1:"), "{log}");
}

#[test]
fn only_so_many_connections_and_a_panic_costs_its_own_alone() {
    let echod = Echod::start("", TCP);
    let (mut one, mut two) = (echod.connect("echo"), echod.connect("echo"));
    assert_eq!((heard(&mut one), heard(&mut two)), ("hello\n".into(), "hello\n".into()));
    let mut three = echod.connect("echo");
    three.get_mut().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(three.read_line(&mut String::new()).is_err(), "the third waits for a permit");
    three.get_mut().set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    one.get_mut().write_all(b"panic\n").unwrap();
    assert_eq!(heard(&mut one), "");
    assert_eq!(heard(&mut three), "hello\n");
    two.get_mut().write_all(b"still\n").unwrap();
    assert_eq!(heard(&mut two), "still\n");
    eventually("the panic's line", || {
        echod.log().contains("] error: a task panicked").then_some(())
    });
}

#[test]
fn the_admin_socket_answers_bounded() {
    let echod = Echod::start("", TCP);
    // Its own routes are there once it serves.
    heard(&mut echod.connect("echo"));
    let post = |path: &str, body: &str| {
        let length = body.len();
        echod.ask(&format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"))
    };
    assert_eq!(post("/v1/twice/ab%20", "2"), (200, "ab ab ".into()));
    assert_eq!(post("/v1/twice/ab", "99").0, 400);
    assert_eq!(post("/v1/twice/ab", "{").0, 400);
    assert_eq!(post("/v1/nothing", "").0, 404);
    let get = "GET /v1/twice/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(echod.ask(get).0, 405);
    let big = "POST /v1/twice/ab HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\nConnection: close\r\n\r\n";
    assert_eq!(echod.ask(big).0, 413);
    assert_eq!(echod.status()["name"], "echod");
}
