//! One message to several servers at once, over Unix sockets: good ones, and ones that refuse, die or hang at every step.

use std::path::PathBuf;
use std::time::Duration;

use lmtp_client::{Client, Clients, Fan, FanLimits, HopError, Outcome, Settings, Slot, Target};
use smtp::{Mail, Protocol, Rcpt, Reply, XForward};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::ours::{Given, serve};

/// No test waits longer.
const PATIENCE: Duration = Duration::from_secs(30);

const LIMITS: FanLimits =
    FanLimits { servers: 10, opening: PATIENCE, stall: PATIENCE, patience: PATIENCE };

struct Stage {
    folder: TempDir,
    clients: Clients,
}

impl Stage {
    fn new() -> Self {
        let clients = Clients::new(Settings::default(), 10);
        Self { folder: tempfile::tempdir().unwrap(), clients }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn client(&self, name: &str) -> Client {
        self.clients.client(Target::Unix(self.path(name)))
    }

    /// A server that takes what is good; it tells what it was given when its connection ended.
    fn good(&self, name: &str) -> JoinHandle<Given> {
        let listener = UnixListener::bind(self.path(name)).unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream, Protocol::Lmtp).await
        })
    }

    /// A server that plays a script, and holds its end open until the test ends if that ends so.
    fn bad(&self, name: &str, script: &'static [Step]) -> JoinHandle<()> {
        let listener = UnixListener::bind(self.path(name)).unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            play(stream, script).await;
        })
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Say(&'static str),
    Hear(&'static str),
    /// Reads so many octets.
    Take(usize),
    /// Reads until the final dot.
    TakeAll,
    Hang,
}

use Step::{Hang, Hear, Say, Take, TakeAll};

async fn play(stream: UnixStream, script: &[Step]) {
    let mut stream = BufReader::new(stream);
    for step in script {
        match step {
            Say(text) => stream.write_all(format!("{text}\r\n").as_bytes()).await.unwrap(),
            Hear(want) => {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                assert!(line.starts_with(want), "wanted {want}, heard {line}");
            }
            Take(count) => {
                let mut taken = vec![0; *count];
                stream.read_exact(&mut taken).await.unwrap();
            }
            TakeAll => {
                let mut line = Vec::new();
                while line != b".\r\n" {
                    line.clear();
                    assert!(stream.read_until(b'\n', &mut line).await.unwrap() > 0, "no dot");
                }
            }
            Hang => std::future::pending().await,
        }
    }
}

/// Up to the first recipient.
const OPENED: [Step; 7] = [
    Say("220 bad.test"),
    Hear("LHLO"),
    Say("250 bad.test"),
    Hear("MAIL"),
    Say("250 2.1.0 Ok"),
    Hear("RCPT"),
    Say("250 2.1.5 Ok"),
];

macro_rules! script {
    ($($step:expr),* $(,)?) => {{
        const SCRIPT: &[Step] = &[
            OPENED[0], OPENED[1], OPENED[2], OPENED[3], OPENED[4], OPENED[5], OPENED[6], $($step),*
        ];
        SCRIPT
    }};
}

fn mail() -> Mail {
    Mail::parse("MAIL FROM:<a@b.test> SIZE=10 RET=HDRS ENVID=x").unwrap()
}

fn from() -> XForward {
    XForward { ident: Some("id".into()), ..XForward::default() }
}

async fn offer(fan: &mut Fan, client: &Client, name: &str) -> Result<Slot, HopError> {
    let rcpt = Rcpt::parse(&format!("RCPT TO:<{name}@d.test> ORCPT=rfc822;{name}@o.test")).unwrap();
    let offered = timeout(PATIENCE, fan.rcpt(client, &from(), &mail(), &rcpt)).await.unwrap();
    offered.map(|(slot, _)| slot)
}

fn content() -> Vec<u8> {
    format!("Subject: x\r\n\r\n.\r\n{}", "0123456789abcdef\r\n".repeat(200_000)).into_bytes()
}

/// The content in pieces, and the outcomes in the order of the slots.
async fn send(mut fan: Fan, slots: &[Slot]) -> Vec<Outcome> {
    let all = async {
        fan.begin().await;
        for piece in content().chunks(50_000) {
            fan.write(piece).await;
        }
        let verdicts = fan.finish().await;
        slots.iter().map(|slot| verdicts.of(*slot)).collect()
    };
    timeout(PATIENCE, all).await.unwrap()
}

fn is(outcome: &Outcome, want: &str) -> bool {
    matches!(outcome, Outcome::Reply(reply) if reply.to_string() == want)
}

/// What the good server must have been given of `names`.
async fn assert_whole(stage: Stage, server: JoinHandle<Given>, names: &[&str]) {
    drop(stage); // kept connections end
    let given = timeout(PATIENCE, server).await.unwrap().unwrap();
    assert!(given.content == content(), "the good server's content was changed");
    let rcpt = |name: &&str| format!("RCPT TO:<{name}@d.test> ORCPT=rfc822;{name}@o.test");
    let mut lines = vec![
        "hello localhost".to_owned(),
        "xforward id".to_owned(),
        "MAIL FROM:<a@b.test> SIZE=10 RET=HDRS ENVID=x".to_owned(),
    ];
    lines.extend(names.iter().map(rcpt));
    assert_eq!(given.lines, lines);
    assert_eq!(given.finished, 1);
}

#[tokio::test]
async fn each_recipient_has_its_servers_verdict() {
    let stage = Stage::new();
    let (left, right) = (stage.good("left"), stage.good("right"));
    let mut fan = Fan::new(LIMITS);
    let one = offer(&mut fan, &stage.client("left"), "one").await.unwrap();
    let bad = offer(&mut fan, &stage.client("right"), "bad").await;
    assert!(matches!(bad, Err(HopError::Refused(reply)) if reply.to_string() == "550 5.1.1 no"));
    let later = offer(&mut fan, &stage.client("right"), "later").await.unwrap();
    let two = offer(&mut fan, &stage.client("left"), "two").await.unwrap();
    let three = offer(&mut fan, &stage.client("right"), "three").await.unwrap();
    let outcomes = send(fan, &[one, later, two, three]).await;
    let want = [
        "250 2.0.0 <one> saved",
        "451 4.3.0 later",
        "250 2.0.0 <two> saved",
        "250 2.0.0 <three> saved",
    ];
    for (outcome, want) in outcomes.iter().zip(want) {
        assert!(is(outcome, want), "{outcome:?}, not {want}");
    }
    drop(stage);
    let (left, right) = (left.await.unwrap(), right.await.unwrap());
    assert!(left.content == content() && right.content == content());
    assert_eq!((left.lines.len(), right.lines.len()), (5, 6));
}

/// A good server and a bad one that takes its recipient: the good one's mail is whole, and what became
/// of the bad one's comes back.
async fn beside(script: &'static [Step], limits: FanLimits) -> Outcome {
    let stage = Stage::new();
    let (good, bad) = (stage.good("good"), stage.bad("bad", script));
    let mut fan = Fan::new(limits);
    let first = offer(&mut fan, &stage.client("bad"), "first").await.unwrap();
    let second = offer(&mut fan, &stage.client("good"), "second").await.unwrap();
    let outcomes = send(fan, &[first, second]).await;
    assert!(is(&outcomes[1], "250 2.0.0 <second> saved"), "{outcomes:?}");
    bad.abort();
    if let Err(error) = bad.await {
        assert!(error.is_cancelled(), "the bad server heard something else: {error}");
    }
    assert_whole(stage, good, &["second"]).await;
    outcomes[0].clone()
}

#[tokio::test]
async fn one_that_dies_after_rcpt() {
    let outcome = beside(script![], LIMITS).await;
    assert!(matches!(&outcome, Outcome::Lost(_)), "{outcome:?}");
}

#[tokio::test]
async fn one_that_refuses_the_content() {
    let outcome = beside(script![Hear("DATA"), Say("452 4.3.1 full"), Hang], LIMITS).await;
    assert!(is(&outcome, "452 4.3.1 full"), "{outcome:?}");
}

#[tokio::test]
async fn one_that_dies_within_the_content() {
    let outcome = beside(script![Hear("DATA"), Say("354 go"), Take(300_000)], LIMITS).await;
    assert!(matches!(&outcome, Outcome::Lost(_)), "{outcome:?}");
}

#[tokio::test]
async fn one_that_says_why_it_leaves() {
    let script = script![Hear("DATA"), Say("354 go"), Take(300_000), Say("452 4.3.1 disk full")];
    let outcome = beside(script, LIMITS).await;
    assert!(is(&outcome, "452 4.3.1 disk full"), "{outcome:?}");
}

#[tokio::test]
async fn one_that_dies_behind_the_dot() {
    let outcome = beside(script![Hear("DATA"), Say("354 go"), TakeAll], LIMITS).await;
    assert!(matches!(&outcome, Outcome::Unknown(_)), "{outcome:?}");
}

#[tokio::test]
async fn one_that_stops_reading() {
    let limits = FanLimits { stall: Duration::from_millis(100), ..LIMITS };
    let outcome = beside(script![Hear("DATA"), Say("354 go"), Take(1000), Hang], limits).await;
    assert!(matches!(&outcome, Outcome::Lost(why) if why.contains("doesn't take")), "{outcome:?}");
}

#[tokio::test]
async fn one_that_has_no_verdict() {
    let limits = FanLimits { patience: Duration::from_secs(3), ..LIMITS };
    let outcome = beside(script![Hear("DATA"), Say("354 go"), TakeAll, Hang], limits).await;
    assert!(matches!(&outcome, Outcome::Unknown(_)), "{outcome:?}");
}

#[tokio::test]
async fn the_slowest_sets_the_pace_and_nothing_is_heaped_up() {
    let stage = Stage::new();
    let listener = UnixListener::bind(stage.path("slow")).unwrap();
    let slow = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        for step in script![Hear("DATA"), Say("354 go")] {
            match step {
                Say(text) => stream.write_all(format!("{text}\r\n").as_bytes()).await.unwrap(),
                _ => drop(stream.read_line(&mut String::new()).await.unwrap()),
            }
        }
        stream
    });
    let mut fan = Fan::new(LIMITS);
    offer(&mut fan, &stage.client("slow"), "slow").await.unwrap();
    fan.begin().await;
    let mut stream = timeout(PATIENCE, slow).await.unwrap().unwrap();
    // Nobody reads: after what the socket holds, writing waits.
    let mut written = 0;
    while timeout(Duration::from_millis(300), fan.write(&[b'x'; 50_000])).await.is_ok() {
        written += 50_000;
        assert!(written < 5_000_000, "it is heaped up somewhere");
    }
    let mut piece = vec![0; 1000];
    assert!(stream.read(&mut piece).await.unwrap() > 0);
    fan.abandon().await;
}

#[tokio::test]
async fn nobody_there_and_one_that_hangs_before_the_content() {
    let stage = Stage::new();
    let bad = stage.bad("hung", &[Say("220 bad.test"), Hang]);
    let mut fan = Fan::new(FanLimits { opening: Duration::from_millis(200), ..LIMITS });
    let none = offer(&mut fan, &stage.client("none"), "a").await.unwrap_err();
    assert!(none.to_string().contains("No such file or directory"), "{none}");
    let stale = UnixListener::bind(stage.path("stale")).unwrap();
    drop(stale);
    let stale = offer(&mut fan, &stage.client("stale"), "b").await.unwrap_err();
    assert!(stale.to_string().contains("refused"), "{stale}");
    for name in ["c", "d"] {
        let began = Instant::now();
        let hung = offer(&mut fan, &stage.client("hung"), name).await.unwrap_err();
        assert!(hung.to_string().contains("timed out"), "{hung}");
        assert!(name == "c" || began.elapsed() < Duration::from_millis(100), "asked again");
    }
    bad.abort();
}

#[tokio::test]
async fn not_more_servers_than_allowed() {
    let stage = Stage::new();
    let one = stage.good("one");
    let mut fan = Fan::new(FanLimits { servers: 1, ..LIMITS });
    offer(&mut fan, &stage.client("one"), "a").await.unwrap();
    let error = offer(&mut fan, &stage.client("two"), "b").await.unwrap_err();
    assert!(matches!(error, HopError::Refused(reply) if reply.code() == 452));
    offer(&mut fan, &stage.client("one"), "c").await.unwrap();
    fan.abandon().await;
    drop(stage);
    assert_eq!(one.await.unwrap().finished, 0);
}

#[tokio::test]
async fn one_that_leaves_as_we_come_is_followed_by_another() {
    let stage = Stage::new();
    let listener = UnixListener::bind(stage.path("x")).unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        play(stream, &[Say("220 a.test"), Hear("LHLO"), Say("421 4.3.2 leaving")]).await;
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, Protocol::Lmtp).await
    });
    let mut fan = Fan::new(LIMITS);
    let slot = offer(&mut fan, &stage.client("x"), "a").await.unwrap();
    assert!(is(&send(fan, &[slot]).await[0], "250 2.0.0 <a> saved"));
    assert_whole(stage, server, &["a"]).await;
}

#[tokio::test]
async fn a_refused_sender_is_no_lost_server() {
    let stage = Stage::new();
    let bad = stage.bad(
        "bad",
        &[Say("220 b"), Hear("LHLO"), Say("250 b"), Hear("MAIL"), Say("552 5.3.4 too big"), Hang],
    );
    let mut fan = Fan::new(LIMITS);
    let error = offer(&mut fan, &stage.client("bad"), "a").await.unwrap_err();
    assert_eq!(error, HopError::Refused(Reply::new(552, 3, 4, "too big")));
    bad.abort();
}
