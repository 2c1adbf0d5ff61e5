//! The client protocol.

use authwire::client::{
    Asker, AskerEvent, AuthRequest, Close, Event, FailCode, Failure, Greeting, MAX_LIVE_REQUESTS,
    Mech, MechFlag, Reply, Server, Ticket, WireError,
};
use authwire::{CLIENT_LINE_LIMIT, LineBuffer, Params, RequestId};
use proptest::prelude::*;

fn greeting() -> Greeting {
    let mech = |name: &str, flags: &[MechFlag]| Mech { name: name.into(), flags: flags.to_vec() };
    Greeting {
        mechanisms: vec![
            mech("PLAIN", &[MechFlag::Plaintext]),
            mech("LOGIN", &[MechFlag::Plaintext]),
            mech("SCRAM-SHA-1", &[MechFlag::MutualAuth]),
        ],
        process: 7,
        connection: 13,
        cookie: [0xab; 16],
    }
}

fn lines(wire: &[u8]) -> Vec<Vec<u8>> {
    let mut buffer = LineBuffer::new(CLIENT_LINE_LIMIT);
    buffer.push(wire);
    std::iter::from_fn(|| buffer.next_line().unwrap()).collect()
}

/// A server whose client has introduced itself with this minor version.
fn server(minor: u32) -> Server<&'static str> {
    let mut server = Server::new(&greeting());
    assert!(matches!(server.line(format!("VERSION\t1\t{minor}").as_bytes()), Ok(Event::Nothing)));
    assert!(matches!(server.line(b"CPID\t4242"), Ok(Event::Nothing)));
    server
}

/// An asker that has heard the greeting.
fn asker() -> Asker {
    let mut asker = Asker::new();
    let mut last = AskerEvent::Nothing;
    for line in lines(&greeting().to_wire()) {
        last = asker.line(&line).unwrap();
    }
    assert_eq!(last, AskerEvent::Ready);
    asker
}

fn begin(
    server: &mut Server<&'static str>,
    line: &str,
) -> (Ticket, authwire::client::LoginRequest) {
    match server.line(line.as_bytes()) {
        Ok(Event::Begin(ticket, request)) => (ticket, request),
        other => panic!("{other:?}"),
    }
}

#[test]
fn greeting_as_recorded() {
    let wire = String::from_utf8(greeting().to_wire()).unwrap();
    assert_eq!(
        wire,
        "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nMECH\tSCRAM-SHA-1\tmutual-auth\n\
         SPID\t7\nCUID\t13\nCOOKIE\tabababababababababababababababab\nDONE\n"
    );
}

#[test]
fn the_asker_understands_both_dovecots() {
    let mut asker = Asker::new();
    // 2.4 waits for the client's VERSION after its own, and lists more.
    for line in [
        "VERSION\t1\t4",
        "MECH\tPLAIN\tplaintext",
        "MECH\tSCRAM-SHA-1-PLUS\tmutual-auth\tchannel-binding",
        "NEW\tthing",
        "SPID\t1",
        "CUID\t1",
        "COOKIE\tab",
    ] {
        assert_eq!(asker.line(line.as_bytes()), Ok(AskerEvent::Nothing), "{line}");
    }
    assert_eq!(asker.line(b"DONE"), Ok(AskerEvent::Ready));
    assert_eq!(asker.mechanisms().len(), 2);
    let mut heard = |line: &str| match asker.line(line.as_bytes()) {
        Ok(AskerEvent::Reply(id, reply)) => (id.get(), reply),
        other => panic!("{line}: {other:?}"),
    };
    for nologin in [
        "OK\t1\tuser=nol@example.test\tnologin\treason=maintenance",
        "OK\t1\tuser=nol@example.test\tnologin=\treason=maintenance",
    ] {
        let (_, Reply::Accepted { user, fields }) = heard(nologin) else { panic!() };
        assert_eq!((user.as_str(), fields.get("nologin")), ("nol@example.test", Some("")));
    }
    let (id, failed) = heard("FAIL\t2\tuser=x\tcode=temp_fail");
    let Reply::Failed(failure) = failed else { panic!() };
    assert_eq!((id, failure.code), (2, Some(FailCode::TempFail)));
    let (_, Reply::Failed(failure)) = heard("FAIL\t2\ttemp") else { panic!() };
    assert_eq!(failure.code, Some(FailCode::TempFail));
    let (_, Reply::Failed(failure)) = heard("FAIL\t99\treason=Authentication request timed out")
    else {
        panic!()
    };
    assert_eq!(failure.reason(), Some("Authentication request timed out"));
    assert_eq!(heard("CONT\t1\tVXNlcm5hbWU6"), (1, Reply::Challenge(b"Username:".to_vec())));
    assert_eq!(heard("CONT\t1\t"), (1, Reply::Challenge(vec![])));
}

#[test]
fn the_asker_refuses_what_it_cannot_trust() {
    assert_eq!(Asker::new().line(b"* OK IMAP4rev1"), Err(WireError::Version));
    assert_eq!(Asker::new().line(b"VERSION\t2\t0"), Err(WireError::Version));
    let mut master = Asker::new();
    master.line(b"VERSION\t1\t1").unwrap();
    assert_eq!(master.line(b"SPID\t1"), Err(WireError::WrongSocket));
    // Nobody is logged in under no name.
    assert_eq!(asker().line(b"OK\t1"), Err(WireError::Malformed("OK")));
    assert_eq!(asker().line(b"OK\t1\tuser="), Err(WireError::Malformed("OK")));
    assert_eq!(asker().line(b"CONT\t1\t!!"), Err(WireError::Malformed("CONT")));
    assert_eq!(asker().line(b"OK\tx\tuser=a"), Err(WireError::Malformed("OK")));
}

#[test]
fn requests_that_would_close_the_connection_are_not_sent() {
    let request = |mechanism: &str, size| AuthRequest {
        mechanism: mechanism.into(),
        service: "smtp".into(),
        params: Params::new(),
        initial: Some(vec![0; size]),
    };
    let id = RequestId::FIRST;
    assert_eq!(Asker::new().auth(id, &request("PLAIN", 1)), Err(WireError::NotReady));
    assert_eq!(asker().auth(id, &request("FOO", 1)), Err(WireError::UnknownMechanism));
    let long = asker().auth(id, &request("PLAIN", CLIENT_LINE_LIMIT));
    assert_eq!(long, Err(WireError::TooLong(CLIENT_LINE_LIMIT)));
    assert!(asker().auth(id, &request("plain", 1)).is_ok());
}

#[test]
fn an_empty_response_is_none_for_old_clients() {
    for (minor, response, initial) in [
        (0, "resp=", None),
        (1, "resp==", None),
        (2, "resp=", Some(vec![])),
        (2, "resp==", Some(vec![])),
        (0, "resp=eA==", Some(b"x".to_vec())),
    ] {
        let line = format!("AUTH\t1\tPLAIN\tservice=smtp\tnologin\t{response}");
        assert_eq!(begin(&mut server(minor), &line).1.initial, initial, "{minor} {response}");
    }
}

#[test]
fn a_request_is_read_whole() {
    let line =
        "AUTH\t4294967295\tplain\tlip=127.0.0.1\tservice=smtp\tnologin\tx=a\u{1}tb\tresp=eA==";
    let (ticket, request) = begin(&mut server(0), line);
    assert_eq!(ticket.id().get(), u32::MAX);
    assert_eq!((request.mechanism.as_str(), request.service.as_str()), ("PLAIN", "smtp"));
    assert_eq!(request.params.get("lip"), Some("127.0.0.1"));
    assert_eq!(request.params.get("x"), Some("a\tb"));
    assert!(request.params.has("nologin"));
    assert!(!format!("{request:?}").contains("120"), "the response holds the password");
}

#[test]
fn what_closes() {
    for (line, close) in [
        ("AUTH\t\tPLAIN\tservice=smtp", Close::BadId),
        ("AUTH\t0\tPLAIN\tservice=smtp", Close::BadId),
        ("AUTH\t1\tFOO\tservice=smtp", Close::UnknownMechanism),
        ("AUTH\t1", Close::UnknownMechanism),
        ("AUTH\t1\tPLAIN", Close::NoService),
        ("AUTH\t1\tPLAIN\tservice=", Close::NoService),
        ("AUTH\t1\tPLAIN\tservice=smtp\tresp=eA==\tsecured", Close::TrailingData),
        ("CONT\t1", Close::TrailingData),
        ("CONT\t1\teA==\tx", Close::TrailingData),
        ("CONT\tx\teA==", Close::BadId),
        ("CANCEL\tx", Close::BadId),
        ("HELLO\t1", Close::UnknownCommand),
        ("", Close::UnknownCommand),
    ] {
        assert_eq!(server(1).line(line.as_bytes()).unwrap_err(), close, "{line}");
    }
    let mut fresh: Server<()> = Server::new(&greeting());
    assert_eq!(fresh.line(b"CPID\t1").unwrap_err(), Close::Version);
    let mut fresh: Server<()> = Server::new(&greeting());
    fresh.line(b"VERSION\t1\t1").unwrap();
    assert_eq!(fresh.line(b"CPID\t0").unwrap_err(), Close::Cpid);
}

#[test]
fn an_answer_that_comes_too_late_is_nobodys() {
    let mut server = server(2);
    let (first, _) = begin(&mut server, "AUTH\t1\tPLAIN\tservice=smtp\tresp=eA==");
    assert!(matches!(server.line(b"CANCEL\t1"), Ok(Event::Dropped(ticket)) if ticket == first));
    let (second, _) = begin(&mut server, "AUTH\t1\tPLAIN\tservice=smtp\tresp=eA==");
    assert_eq!(server.accept(first, "mallory", &Params::new()), None);
    assert_eq!(server.refuse(first, &Failure::default()), None);
    assert_eq!(server.challenge(first, b"", "late"), None);
    assert!(!server.expire(first));
    let good = server.accept(second, "alice", &Params::new());
    assert_eq!(good.as_deref(), Some(&b"OK\t1\tuser=alice\n"[..]));
    assert_eq!(server.accept(second, "alice", &Params::new()), None, "answered once");
}

#[test]
fn an_exchange_is_kept_and_handed_out() {
    let mut server = server(2);
    let (ticket, _) = begin(&mut server, "AUTH\t5\tLOGIN\tservice=smtp");
    let Ok(Event::Reply(line)) = server.line(b"CONT\t5\teA==") else { panic!() };
    assert_eq!(line, b"FAIL\t5\treason=Unexpected continuation\n");
    assert!(!server.is_live(ticket));
    let (ticket, _) = begin(&mut server, "AUTH\t5\tLOGIN\tservice=smtp");
    let line = server.challenge(ticket, b"Username:", "state").unwrap();
    assert_eq!(line, b"CONT\t5\tVXNlcm5hbWU6\n");
    let Ok(Event::Continue(same, "state", message)) = server.line(b"CONT\t5\tcDA=") else {
        panic!()
    };
    assert_eq!((same, message.as_slice()), (ticket, &b"p0"[..]));
}

#[test]
fn live_requests_are_bounded() {
    let mut server = server(2);
    for id in 1..=MAX_LIVE_REQUESTS {
        begin(&mut server, &format!("AUTH\t{id}\tLOGIN\tservice=smtp"));
    }
    let more = server.line(b"AUTH\t99999\tLOGIN\tservice=smtp");
    assert_eq!(more.unwrap_err(), Close::TooManyRequests);
}

proptest! {
    /// What one side writes the other reads, whatever the values are.
    #[test]
    fn both_sides_agree(
        user in "\\PC{1,20}|[\0-\u{20}]{1,6}", value: String, key in "[a-z]{1,8}x",
        initial in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..50)),
        message: Vec<u8>,
    ) {
        let mut params = Params::new();
        params.push(key, value.as_str());
        params.push_bare("secured");
        let request = AuthRequest {
            mechanism: "PLAIN".into(), service: "imap".into(), params: params.clone(), initial: initial.clone(),
        };
        let (mut asker, mut server) = (asker(), server(2));
        let line = asker.auth(RequestId::FIRST, &request).unwrap();
        let Ok(Event::Begin(ticket, got)) = server.line(line.strip_suffix(b"\n").unwrap()) else { panic!() };
        prop_assert_eq!(got.initial, initial);
        prop_assert_eq!(&got.params, &params);

        let line = server.challenge(ticket, &message, "state").unwrap();
        let heard = asker.line(line.strip_suffix(b"\n").unwrap());
        prop_assert_eq!(heard, Ok(AskerEvent::Reply(RequestId::FIRST, Reply::Challenge(message.clone()))));
        let line = Asker::cont(RequestId::FIRST, &message).unwrap();
        let Ok(Event::Continue(_, _, got)) = server.line(line.strip_suffix(b"\n").unwrap()) else { panic!() };
        prop_assert_eq!(got, message);

        let line = server.accept(ticket, &user, &params).unwrap();
        prop_assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
        let heard = asker.line(line.strip_suffix(b"\n").unwrap());
        prop_assert_eq!(heard, Ok(AskerEvent::Reply(RequestId::FIRST, Reply::Accepted { user, fields: params })));
    }

    #[test]
    fn noise_never_panics(lines in proptest::collection::vec(any::<Vec<u8>>(), 0..8)) {
        let (mut server, mut asker) = (server(1), asker());
        for line in lines {
            let _ = server.line(&line);
            let _ = asker.line(&line);
            let _ = Asker::new().line(&line);
        }
    }

    #[test]
    fn near_misses_never_panic(
        lines in proptest::collection::vec(
            "(AUTH|CONT|CANCEL|OK|FAIL|MECH|SPID|VERSION)\t[0-9a-z]{0,3}(\t(PLAIN|LOGIN|service=x|resp=|eA==|=|\u{1}|[a-z=]{0,4})){0,4}", 0..20),
    ) {
        let (mut server, mut asker) = (server(1), asker());
        for line in lines {
            if let Ok(Event::Begin(ticket, _)) = server.line(line.as_bytes()) {
                server.challenge(ticket, b"", "state");
            }
            prop_assert!(server.live() <= MAX_LIVE_REQUESTS);
            let _ = asker.line(line.as_bytes());
        }
    }
}
