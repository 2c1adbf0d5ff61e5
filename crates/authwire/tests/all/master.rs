//! The master protocol.

use authwire::master::{
    Answer, Asker, AskerEvent, AskerReply, Close, Question, Request, Server, WireError, greeting,
};
use authwire::{MASTER_REPLY_LIMIT, MASTER_REQUEST_LIMIT, Params, RequestId};
use proptest::prelude::*;

const ID: RequestId = RequestId::FIRST;

fn server() -> Server {
    let mut server = Server::new();
    assert_eq!(server.line(b"VERSION\t1\t1"), Ok(None));
    server
}

fn asker() -> Asker {
    let mut asker = Asker::new();
    assert_eq!(asker.line(b"VERSION\t1\t1"), Ok(AskerEvent::Nothing));
    assert_eq!(asker.line(b"SPID\t77"), Ok(AskerEvent::Ready));
    asker
}

fn heard(line: &[u8]) -> AskerReply {
    match asker().line(line) {
        Ok(AskerEvent::Reply(_, reply)) => reply,
        other => panic!("{other:?}"),
    }
}

#[test]
fn recorded_lines() {
    assert_eq!(greeting(77), b"VERSION\t1\t1\nSPID\t77\n");
    let line = b"USER\t1\tp0@example.test\tuid=5000\tgid=5000\thome=/var/vmail/example.test/p0";
    let AskerReply::User(name, fields) = heard(line) else { panic!() };
    assert_eq!((name.as_str(), fields.get("uid")), ("p0@example.test", Some("5000")));
    assert_eq!(Answer::User(&name, &fields).to_wire(ID), [&line[..], b"\n"].concat());
    assert_eq!(heard(b"NOTFOUND\t2"), AskerReply::NotFound);
    assert_eq!(heard(b"FAIL\t2\treason=later"), AskerReply::Fail(Some("later".into())));
    assert_eq!(heard(b"FAIL\t2"), AskerReply::Fail(None));
    // With no fields a trailing TAB may stand.
    assert_eq!(heard(b"USER\t1\tfour@x\t"), AskerReply::User("four@x".into(), Params::new()));
    assert_eq!(heard(b"LIST\t5\tu0@example.test"), AskerReply::ListItem("u0@example.test".into()));
    assert_eq!(heard(b"DONE\t5\t"), AskerReply::ListDone(true));
    assert_eq!(heard(b"DONE\t5\tfail"), AskerReply::ListDone(false));
    let AskerReply::Pass { user, fields } = heard(b"PASS\t4\tuser=p0@example.test") else {
        panic!()
    };
    assert_eq!(Answer::Pass(&user, &fields).to_wire(ID), b"PASS\t1\tuser=p0@example.test\n");
}

#[test]
fn requests_are_read() {
    let ask = |line: &str| server().line(line.as_bytes());
    let Ok(Some(request)) = ask("USER\t3\ta\u{1}tb\tservice=lmtp\trip=192.0.2.1") else { panic!() };
    let Request { id, question, service, params } = request;
    assert_eq!((id.get(), question, service.as_str()), (3, Question::User("a\tb".into()), "lmtp"));
    assert_eq!(params.get("rip"), Some("192.0.2.1"));
    assert!(matches!(ask("PASS\t3\ta\tprotocol=x"), Ok(Some(_))));
    assert!(matches!(ask("LIST\t3"), Ok(Some(Request { question: Question::List, .. }))));
    for (line, close) in [
        ("USER\t0\ta\tservice=x", Close::BadId),
        ("USER\t1", Close::NoName),
        ("USER\t1\ta", Close::NoService),
        ("CPID\t1", Close::UnknownCommand),
        ("CACHE-FLUSH\t1", Close::UnknownCommand),
        ("", Close::UnknownCommand),
    ] {
        assert_eq!(ask(line), Err(close), "{line}");
    }
    assert_eq!(Server::new().line(b"USER\t1\ta\tservice=x"), Err(Close::Version));
    assert_eq!(Server::new().line(b"VERSION\t2\t0"), Err(Close::Version));
}

#[test]
fn limits() {
    let long = "a".repeat(MASTER_REQUEST_LIMIT);
    assert_eq!(Asker::user(ID, &long, "lmtp"), Err(WireError::TooLong));
    let mut fields = Params::new();
    fields.push("x", "a".repeat(MASTER_REPLY_LIMIT));
    let reply = Answer::User("u", &fields).to_wire(ID);
    assert!(reply.starts_with(b"FAIL\t1\t"), "a client would have to close on that line");
    let mut clients = Asker::new();
    clients.line(b"VERSION\t1\t2").unwrap();
    assert_eq!(clients.line(b"MECH\tPLAIN"), Err(WireError::WrongSocket));
    assert_eq!(asker().line(b"USER\t1"), Err(WireError::Malformed("USER")));
}

proptest! {
    #[test]
    fn both_sides_agree(name in "\\PC{1,40}|[\0-\u{20}]{1,9}", value: String, service in "[a-z]{1,9}") {
        let line = Asker::user(ID, &name, &service).unwrap();
        let Ok(Some(request)) = server().line(line.strip_suffix(b"\n").unwrap()) else { panic!() };
        prop_assert_eq!(request.question, Question::User(name.clone()));
        prop_assert_eq!(request.service, service);
        let mut fields = Params::new();
        fields.push("home", value);
        let line = Answer::User(&name, &fields).to_wire(ID);
        prop_assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
        prop_assert_eq!(heard(line.strip_suffix(b"\n").unwrap()), AskerReply::User(name, fields));
    }

    #[test]
    fn noise_never_panics(line: Vec<u8>) {
        let _ = Server::new().line(&line);
        let _ = server().line(&line);
        let _ = asker().line(&line);
    }
}
