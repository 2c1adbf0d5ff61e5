//! STARTTLS and TLS from the first byte, with a client that trusts the test's own certificate.

use std::sync::Arc;

use daemon::Stream;
use daemon::tls::ServerTls;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Ended, Keeper, options};
use crate::{Options, serve};

fn configs() -> (ServerTls, Arc<ClientConfig>) {
    daemon::tls::install_provider();
    let made = rcgen::generate_simple_self_signed(["mx.test".to_owned()]).expect("a certificate");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("both.pem");
    std::fs::write(&file, made.cert.pem() + &made.signing_key.serialize_pem()).expect("a file");
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    let server = ServerTls::from_files(&file, &file).expect("they fit together");
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    (server, Arc::new(client))
}

async fn shake(client: Arc<ClientConfig>, stream: UnixStream) -> TlsStream<UnixStream> {
    let name = ServerName::try_from("mx.test").expect("a name");
    TlsConnector::from(client).connect(name, stream).await.expect("a handshake")
}

/// Reads until the lines that end a reply say `until`.
async fn hear(stream: &mut (impl AsyncRead + Unpin), until: &str) -> String {
    let mut heard = String::new();
    while !heard.ends_with(until) {
        let octet = stream.read_u8().await.unwrap_or_else(|_| panic!("closed behind {heard}"));
        heard.push(char::from(octet));
    }
    heard
}

#[tokio::test]
async fn what_is_sent_behind_starttls_is_dropped() {
    let (server_config, client_config) = configs();
    let (mut client, server) = UnixStream::pair().expect("a pair");
    let serving = tokio::spawn(async move {
        let options = Options { tls: Some(server_config), ..options() };
        let mut keeper = Keeper::default();
        let ended = serve(Stream::from(server), &options, &mut keeper, &super::seat()).await;
        (keeper, ended)
    });
    client
        .write_all(
            b"EHLO c.test\r\nMAIL FROM:<clear@x.test>\r\nSTARTTLS\r\nMAIL FROM:<evil@x.test>\r\n",
        )
        .await
        .expect("sent");
    let heard = hear(&mut client, "220 2.0.0 Ready to start TLS\r\n").await;
    assert!(heard.contains("250-STARTTLS\r\n"), "{heard}");
    let mut client = shake(client_config, client).await;
    client.write_all(b"NOOP\r\nMAIL FROM:<b@x.test>\r\nEHLO c.test\r\n").await.expect("sent");
    let heard = hear(&mut client, "250 CHUNKING\r\n").await;
    assert!(
        heard.starts_with("250 2.0.0 Ok\r\n503 5.5.1 Error: send HELO/EHLO first\r\n"),
        "{heard}"
    );
    assert!(!heard.contains("STARTTLS"), "{heard}");
    client.write_all(b"MAIL FROM:<sealed@x.test>\r\nQUIT\r\n").await.expect("sent");
    let mut rest = String::new();
    client.read_to_string(&mut rest).await.expect("a TLS goodbye, not a cut");
    assert_eq!(rest, "250 2.1.0 Ok\r\n221 2.0.0 Bye\r\n");
    drop(client);
    let (keeper, ended) = serving.await.expect("served");
    assert_eq!(keeper.senders, ["<clear@x.test>", "<sealed@x.test>"]);
    assert_eq!((keeper.aborted, keeper.tls, ended), (2, true, Ended::Closed));
}

#[tokio::test]
async fn tls_from_the_first_byte() {
    let (server_config, client_config) = configs();
    let (client, server) = UnixStream::pair().expect("a pair");
    let serving = tokio::spawn(async move {
        let options = Options { tls: Some(server_config), implicit_tls: true, ..options() };
        let mut keeper = Keeper::default();
        let ended = serve(Stream::from(server), &options, &mut keeper, &super::seat()).await;
        (keeper.tls, ended)
    });
    let mut client = shake(client_config, client).await;
    hear(&mut client, "220 mx.test ESMTP Dovetail\r\n").await;
    client.write_all(b"EHLO c.test\r\nSTARTTLS\r\nQUIT\r\n").await.expect("sent");
    let heard = hear(&mut client, "221 2.0.0 Bye\r\n").await;
    assert!(heard.contains("554 5.5.1 Error: TLS already active\r\n"), "{heard}");
    drop(client);
    assert_eq!(serving.await.expect("served"), (true, Ended::Closed));
}

#[tokio::test]
async fn a_handshake_that_is_none_ends_it() {
    let (server_config, _) = configs();
    let (mut client, server) = UnixStream::pair().expect("a pair");
    let serving = tokio::spawn(async move {
        let options = Options { tls: Some(server_config), ..options() };
        let mut keeper = Keeper::default();
        serve(Stream::from(server), &options, &mut keeper, &super::seat()).await
    });
    client.write_all(b"EHLO c.test\r\nSTARTTLS\r\n").await.expect("sent");
    hear(&mut client, "220 2.0.0 Ready to start TLS\r\n").await;
    client.write_all(b"MAIL FROM:<evil@x.test>\r\n").await.expect("sent");
    let ended = serving.await.expect("served");
    assert!(matches!(ended, Ended::Handshake(_)), "{ended:?}");
}
