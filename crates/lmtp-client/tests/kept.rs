//! A client over Unix sockets: connections kept, lost, counted.

use std::path::PathBuf;
use std::time::Duration;

use lmtp_client::{Client, Hop, HopError, Settings, Target};
use smtp::{Protocol, XForward};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use crate::ours::{Given, envelope, serve, shown};

struct Server {
    _folder: TempDir,
    path: PathBuf,
    listener: UnixListener,
}

impl Server {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lmtp.sock");
        let listener = UnixListener::bind(&path).unwrap();
        Self { _folder: folder, path, listener }
    }

    fn client(&self, change: impl FnOnce(&mut Settings)) -> Client {
        let mut settings = Settings { helo: "client.test".into(), ..Settings::default() };
        change(&mut settings);
        Client::new(Target::Unix(self.path.clone()), settings)
    }

    async fn accept(&self) -> UnixStream {
        self.listener.accept().await.unwrap().0
    }

    /// Serves every connection; each one's story comes out when it ends.
    fn run(self) -> mpsc::UnboundedReceiver<Given> {
        let (tell, told) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let stream = self.accept().await;
                let tell = tell.clone();
                tokio::spawn(async move {
                    let _ = tell.send(serve(stream, Protocol::Lmtp).await);
                });
            }
        });
        told
    }
}

async fn open(client: &Client) -> Result<Hop, HopError> {
    client.open(&XForward::default(), &envelope(&["one"])).await
}

async fn deliver(client: &Client) -> Vec<String> {
    let mut hop = open(client).await.unwrap();
    hop.start_data().await.unwrap();
    hop.write(b"Subject: x\r\n\r\nhello\r\n").await.unwrap();
    shown(&hop.finish().await)
}

#[tokio::test]
async fn one_connection_for_many_messages_then_quit() {
    let server = Server::new();
    let client = server.client(|settings| settings.keep_idle = Duration::from_millis(50));
    let path = server.path.clone();
    let mut told = server.run();
    for _ in 0..3 {
        assert_eq!(deliver(&client).await, ["250 2.0.0 <one> saved"]);
    }
    // An abandoned transaction is reset before the next.
    let hop = open(&client).await.unwrap();
    assert_eq!(hop.relay(), format!("server.test[{}]", path.display()));
    hop.abandon().await;
    deliver(&client).await;
    assert_eq!(client.in_use(), 0);
    let given = told.recv().await.unwrap();
    assert_eq!(given.finished, 4);
    assert_eq!(given.lines.iter().filter(|line| line.starts_with("hello")).count(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_died_costs_nothing() {
    let server = Server::new();
    let client = server.client(|_| ());
    let first = tokio::spawn({
        let client = client.clone();
        async move { deliver(&client).await }
    });
    // The first connection is served by hand, and closed when its message was answered.
    let mut stream = server.accept().await;
    let mut heard = Vec::new();
    stream.write_all(b"220 s ready\r\n").await.unwrap();
    for (until, say) in [
        ("LHLO client.test\r\n", "250 s\r\n"),
        ("MAIL FROM:<a@b.test>\r\n", "250 ok\r\n"),
        ("RCPT TO:<one@d.test>\r\n", "250 ok\r\n"),
        ("DATA\r\n", "354 go\r\n"),
        ("\r\n.\r\n", "250 saved\r\n"),
    ] {
        while !heard.ends_with(until.as_bytes()) {
            heard.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(say.as_bytes()).await.unwrap();
    }
    assert_eq!(first.await.unwrap(), ["250 saved"]);
    drop(stream);
    let mut told = server.run();
    assert_eq!(deliver(&client).await, ["250 2.0.0 <one> saved"]);
    drop(client);
    assert_eq!(told.recv().await.unwrap().finished, 1);
}

#[tokio::test]
async fn a_kept_connection_whose_server_leaves_is_left() {
    let server = Server::new();
    let client = server.client(|_| ());
    let first = tokio::spawn({
        let client = client.clone();
        async move { open(&client).await.unwrap().abandon().await }
    });
    let mut stream = server.accept().await;
    // Said at once, so that it is there whenever the client comes to read it.
    let all = b"220 s ready\r\n250 s\r\n250 ok\r\n250 ok\r\n421 4.3.2 shutting down\r\n";
    stream.write_all(all).await.unwrap();
    first.await.unwrap();
    let _told = server.run();
    assert_eq!(deliver(&client).await, ["250 2.0.0 <one> saved"]);
}

#[tokio::test]
async fn nobody_there() {
    let server = Server::new();
    let client = server.client(|_| ());
    let path = server.path.display().to_string();
    drop(server);
    let error = open(&client).await.unwrap_err();
    assert_eq!(error.to_string(), format!("connect to {path}: No such file or directory"));
    assert_eq!(error.as_reply().status().to_string(), "4.4.1");
}

#[tokio::test]
async fn no_more_connections_than_allowed() {
    let server = Server::new();
    let client = server.client(|settings| {
        settings.max_connections = 1;
        settings.wait_for_connection = Duration::from_millis(20);
    });
    let mut told = server.run();
    let hop = open(&client).await.unwrap();
    assert_eq!(client.in_use(), 1);
    assert!(matches!(open(&client).await, Err(HopError::Busy(_))));
    // A hop that is dropped in its content frees its place, and its message is forgotten.
    let mut hop = hop;
    hop.start_data().await.unwrap();
    hop.write(b"half\r\n").await.unwrap();
    drop(hop);
    assert_eq!(told.recv().await.unwrap().finished, 0);
    assert_eq!(deliver(&client).await, ["250 2.0.0 <one> saved"]);
}

#[tokio::test]
async fn a_content_that_was_abandoned_is_not_ended() {
    let server = Server::new();
    let client = server.client(|_| ());
    let mut told = server.run();
    let mut hop = open(&client).await.unwrap();
    hop.start_data().await.unwrap();
    hop.write(&vec![b'x'; 100_000]).await.unwrap();
    hop.abandon().await;
    let given = told.recv().await.unwrap();
    assert_eq!(given.finished, 0);
}
