//! Servers that are silent, die, talk nonsense, or answer out of order; and askers that go away.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use auth_client::{AuthError, LoginClient, Refusal, Request, Step, Timeouts, UserClient};
use sasl::Credentials;

const GREETING: &str = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tPRIVATE\tprivate\nMECH\tLOGIN\tplaintext\n\
                        SPID\t1\nCUID\t1\nCOOKIE\tab\nDONE\n";
const MASTER: &str = "VERSION\t1\t1\nSPID\t1\n";

/// One connection of a fake server.
struct Peer {
    lines: BufReader<UnixStream>,
}

impl Peer {
    fn say(&mut self, text: &str) {
        self.lines.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The next line; "" when the client is gone.
    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Stays until the client has gone: one that is still writing must not be cut short.
    fn stay(&mut self) {
        let mut line = String::new();
        while self.lines.read_line(&mut line).is_ok_and(|octets| octets > 0) {
            line.clear();
        }
    }

    fn hello(&mut self, greeting: &str) {
        self.say(greeting);
        assert_eq!(self.hear().split('\t').next(), Some("VERSION"));
        if greeting == GREETING {
            assert!(self.hear().starts_with("CPID\t"));
        }
    }
}

/// A server that behaves as `act` says on its connections, numbered from 0.
fn fake(act: impl Fn(usize, &mut Peer) + Send + 'static) -> (PathBuf, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for (nth, stream) in listener.incoming().enumerate() {
            act(nth, &mut Peer { lines: BufReader::new(stream.unwrap()) });
        }
    });
    (path, folder)
}

fn short() -> Timeouts {
    Timeouts { connect: Duration::from_millis(200), reply: Duration::from_millis(200) }
}

fn long() -> Timeouts {
    Timeouts { connect: Duration::from_secs(20), reply: Duration::from_secs(20) }
}

fn request(password: &str) -> Request<'static> {
    Request::password(&Credentials::new("u", password), "smtp").unwrap()
}

#[tokio::test]
async fn nobody_there() {
    let client = UserClient::new("/nonexistent/socket", short());
    assert!(matches!(client.user("u", "lmtp").await, Err(AuthError::Away { .. })));
    let client = LoginClient::new("/nonexistent/socket", short());
    assert!(matches!(client.mechanisms().await, Err(AuthError::Away { .. })));
}

#[tokio::test]
async fn silence_is_bounded() {
    let (path, _folder) = fake(|nth, peer| {
        if nth > 0 {
            peer.hello(MASTER);
        }
        while !peer.hear().is_empty() {}
    });
    let client = UserClient::new(&path, short());
    let handshake = client.user("u", "lmtp").await;
    assert!(matches!(handshake, Err(AuthError::TimedOut { .. })), "{handshake:?}");
    let reply = client.user("u", "lmtp").await;
    assert!(matches!(reply, Err(AuthError::TimedOut { .. })), "{reply:?}");
}

#[tokio::test]
async fn a_connection_lost_since_the_last_question_is_opened_again() {
    let (path, _folder) = fake(|nth, peer| {
        peer.hello(MASTER);
        // Each connection answers once, and is closed at the second question.
        assert!(peer.hear().starts_with("USER\t1\tu\tservice=lmtp"));
        peer.say(&format!("USER\t1\tu\tuid={}\n", nth + 1));
        peer.hear();
    });
    let client = UserClient::new(&path, long());
    for nth in 1..4 {
        assert_eq!(client.user("u", "lmtp").await.unwrap().unwrap().uid, Some(nth));
    }
}

#[tokio::test]
async fn a_connection_lost_at_the_first_question_is_an_error() {
    let (path, _folder) = fake(|_, peer| {
        peer.hello(GREETING);
        peer.hear();
    });
    let lost = LoginClient::new(&path, long()).begin(request("p")).await;
    assert!(matches!(lost, Err(AuthError::Lost { .. })), "{lost:?}");
}

#[tokio::test]
async fn garbage_is_an_error() {
    let (path, _folder) = fake(|nth, peer| match nth {
        0 => {
            peer.say("220 smtp.example.test ESMTP\n");
            peer.stay();
        }
        1 => {
            peer.hello(MASTER);
            peer.hear();
            peer.say("USER\t1\tu\tuid=vmail\n");
        }
        _ => {
            peer.hello(MASTER);
            peer.hear();
            peer.say(&"x".repeat(100_000));
        }
    });
    let other = UserClient::new(&path, long()).user("u", "lmtp").await;
    assert!(matches!(other, Err(AuthError::Protocol { .. })), "{other:?}");
    let owner = UserClient::new(&path, long()).user("u", "lmtp").await;
    assert!(matches!(owner, Err(AuthError::Protocol { .. })), "{owner:?}");
    let endless = UserClient::new(&path, long()).user("u", "lmtp").await;
    assert!(matches!(endless, Err(AuthError::Lost { .. })), "{endless:?}");
}

#[tokio::test]
async fn answers_find_their_askers_in_any_order() {
    let (path, _folder) = fake(|_, peer| {
        peer.hello(MASTER);
        let asked: Vec<String> = (0..3).map(|_| peer.hear()).collect();
        peer.say("NOTFOUND\t99\n");
        for line in asked.iter().rev() {
            let fields: Vec<&str> = line.split('\t').collect();
            peer.say(&format!("USER\t{}\t{}\n", fields[1], fields[2]));
        }
        peer.hear();
    });
    let client = UserClient::new(&path, long());
    let ask = |name| client.user(name, "lmtp");
    let (a, b, c) = tokio::join!(ask("a"), ask("b"), ask("c"));
    let names = [a, b, c].map(|user| user.unwrap().unwrap().name);
    assert_eq!(names, ["a", "b", "c"]);
}

/// A login whose asker goes away is cancelled; the answer that comes all the same is nobody's.
#[tokio::test]
async fn a_login_given_up_is_cancelled() {
    let (path, _folder) = fake(|_, peer| {
        peer.hello(GREETING);
        assert!(peer.hear().starts_with("AUTH\t1\tPLAIN\tservice=smtp\tresp="));
        assert_eq!(peer.hear(), "CANCEL\t1");
        peer.say("OK\t1\tuser=mallory\n");
        assert!(peer.hear().starts_with("AUTH\t2\t"));
        peer.say("CONT\t2\teA==\n");
        assert_eq!(peer.hear(), "CANCEL\t2");
        assert!(peer.hear().starts_with("AUTH\t3\t"));
        peer.say("FAIL\t3\tuser=u\tcode=temp_fail\n");
        peer.hear();
    });
    let client = LoginClient::new(&path, long());
    assert_eq!(client.mechanisms().await.unwrap(), ["PLAIN", "LOGIN"], "private ones are not told");
    {
        let login = client.begin(request("p"));
        tokio::pin!(login);
        // Polled until the line is out, and dropped.
        let given_up = tokio::time::timeout(Duration::from_millis(50), &mut login).await;
        assert!(given_up.is_err());
    }
    let Ok(Step::Challenge(message, exchange)) = client.begin(request("p")).await else { panic!() };
    assert_eq!(message, b"x");
    drop(exchange);
    let Ok(Step::Refused(refusal)) = client.begin(request("p")).await else { panic!() };
    assert!(matches!(refusal, Refusal { temporary: true, .. }), "{refusal:?}");
}

#[tokio::test]
async fn addresses_are_said_as_dovecot_reads_them() {
    let (path, _folder) = fake(|_, peer| {
        peer.hello(GREETING);
        let line = peer.hear();
        let expected = "AUTH\t1\tPLAIN\tservice=smtp\tlip=127.0.0.1\trip=2001:db8::1\tlport=587\trport=4000\t\
                        secured\tsession=a b\tresp=AHUAcA==";
        assert_eq!(line, expected);
        peer.say("OK\t1\tuser=u\tnologin=no\n");
        peer.hear();
    });
    let mut request = request("p");
    request.local = Some("[::ffff:127.0.0.1]:587".parse().unwrap());
    request.remote = Some("[2001:db8::1]:4000".parse().unwrap());
    request.secured = true;
    request.session = Some("a b".into());
    assert!(!format!("{request:?}").contains("initial"));
    let Ok(Step::Accepted(login)) = LoginClient::new(&path, long()).begin(request).await else {
        panic!()
    };
    assert_eq!((login.user(), login.nologin()), ("u", None));
}
