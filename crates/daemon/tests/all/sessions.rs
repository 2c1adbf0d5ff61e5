//! Who is connected, how many may be, and how they are sent away.

use super::*;

const MANY: &str = "max_connections = 20\n";

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[test]
fn they_are_listed_and_kicked() {
    let echod = Echod::start(MANY, TCP);
    let mut one = echod.connect("echo");
    assert_eq!(heard(&mut one), "hello\n");
    one.get_mut().write_all(b"user alice\n").unwrap();
    assert_eq!(heard(&mut one), "user alice\n");
    let mut two = echod.connect("echo");
    assert_eq!(heard(&mut two), "hello\n");
    let list = || echod.ask(&get("/v1/sessions")).1["sessions"].as_array().unwrap().clone();
    // The reply is out before the state says so.
    let idle = |all: &Vec<Value>| all.iter().all(|one| one["state"] == "idle");
    let all = eventually("both idle", || Some(list()).filter(idle));
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!((&all[0]["user"], &all[0]["protocol"]), (&"alice".into(), &"echo".into()));
    assert_eq!(all[0]["id"], 1);
    assert!(all[0]["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{all:?}");
    assert!(all[0]["since"].as_str().unwrap().ends_with("+00:00"), "{all:?}");
    assert_eq!(echod.ask(&get("/v1/sessions?after=1")).1["sessions"][0]["id"], 2);

    let (status, kicked) = echod.ask(&post("/v1/sessions/kick", "{\"user\":\"Alice\"}"));
    assert_eq!((status, &kicked["kicked"][0]["id"]), (200, &1.into()));
    assert_eq!((heard(&mut one), heard(&mut one)), ("kicked\n".into(), String::new()));
    eventually("one less", || (list().len() == 1).then_some(()));
    assert_eq!(echod.ask(&post("/v1/sessions/kick", "{\"user\":\"alice\"}")).0, 404);
    assert_eq!(echod.ask(&post("/v1/sessions/kick", "{\"address\":\"x\"}")).0, 400);
    assert_eq!(echod.ask(&post("/v1/sessions/kick", "{}")).0, 400);
    let delete = "DELETE /v1/sessions/2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(echod.ask(delete).0, 200);
    assert_eq!(heard(&mut two), "kicked\n");
    eventually("nobody", || list().is_empty().then_some(()));
    let log = echod.log();
    assert!(log.contains("echo session kicked client=127.0.0.1:"), "{log}");
}

#[test]
fn addresses_and_users_have_limits_that_a_reload_changes() {
    let own = format!(
        "{MANY}max_connections_per_address = 3\nmax_connections_per_user = 1\nunlimited_networks = []\n"
    );
    let echod = Echod::start(&own, TCP);
    let mut held: Vec<_> = (0..3).map(|_| echod.connect("echo")).collect();
    assert!(held.iter_mut().all(|one| heard(one) == "hello\n"));
    let mut fourth = echod.connect("echo");
    assert_eq!((heard(&mut fourth), heard(&mut fourth)), ("busy\n".into(), String::new()));
    let line = "refused: too many connections from 127.0.0.1 for echo client=127.0.0.1 limit=3";
    eventually("the refusal's line", || echod.log().contains(line).then_some(()));
    assert_eq!(echod.status()["sessions_refused"], 1);

    let say = |at: usize, held: &mut Vec<BufReader<TcpStream>>| {
        held[at].get_mut().write_all(b"user bob\n").unwrap();
        heard(&mut held[at])
    };
    assert_eq!(say(0, &mut held), "user bob\n");
    assert_eq!(say(1, &mut held), "too many connections of user bob from one address\n");
    write_config(echod.dir.path(), MANY, TCP);
    assert_eq!(echod.ask(&post("/v1/reload", "")).0, 200);
    assert_eq!(say(1, &mut held), "user bob\n");
    assert_eq!(heard(&mut echod.connect("echo")), "hello\n");
}
