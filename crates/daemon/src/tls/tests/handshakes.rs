//! Which certificate is shown, which versions are spoken, what of a client is known.

use super::*;
use crate::tls::ClientCertificate;

#[tokio::test]
async fn the_name_asked_for_picks_the_certificate() {
    let authority = Authority::new();
    let text = line("certificate", &authority.file("default.pem", &["default.test", "z.test"]))
        + "[tls.name.\"mail.test\"]\n"
        + &line("certificate", &authority.file("mail.pem", &["mail.test"]))
        + "[tls.name.\"*.wild.test\"]\n"
        + &line("certificate", &authority.file("wild.pem", &["*.wild.test"]))
        + "[tls.name.\"own.wild.test\"]\n"
        + &line("certificate", &authority.file("own.pem", &["own.wild.test"]));
    let (server, client) = (server(&text), authority.client());
    for (host, shown) in [
        ("mail.test", "mail.test"),
        ("MAIL.test", "mail.test"),
        ("a.wild.test", "*.wild.test"),
        ("own.wild.test", "own.wild.test"),
        ("z.test", "default.test"),
    ] {
        let shaken = shake(&server, &client, host).await.expect(host);
        assert_eq!(shaken.names[0], shown, "{host}");
        let asked = shaken.info.server_name.unwrap();
        assert!(asked.eq_ignore_ascii_case(host), "{asked}");
    }
    // A client trusts none of these for a name that nobody has, nor below a wildcard's label.
    for host in ["a.b.wild.test", "nobody.test"] {
        assert!(shake(&server, &client, host).await.is_none(), "{host}");
    }
}

#[tokio::test]
async fn a_name_alone_is_the_default_too() {
    let authority = Authority::new();
    let file = authority.file("mail.pem", &["mail.test", "other.test"]);
    let server = server(&format!("[tls.name.\"mail.test\"]\n{}", line("certificate", &file)));
    assert!(shake(&server, &authority.client(), "other.test").await.is_some());
}

#[tokio::test]
async fn the_oldest_version_is_the_operators_choice() {
    let authority = Authority::new();
    let certificate = line("certificate", &authority.file("a.pem", &["a.test"]));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority.path("ca.pem")).unwrap()).unwrap();
    let old = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS12]);
    let old = Arc::new(old.with_root_certificates(roots).with_no_client_auth());
    let both = server(&certificate);
    assert_eq!(shake(&both, &old, "a.test").await.unwrap().info.version, "TLSv1.2");
    let new = server(&format!("{certificate}min_protocol = \"TLSv1.3\"\n"));
    assert!(shake(&new, &old, "a.test").await.is_none());
    let shaken = shake(&new, &authority.client(), "a.test").await.unwrap();
    assert_eq!(shaken.info.version, "TLSv1.3");
    assert_eq!(shaken.info.client, ClientCertificate::NotAsked);
}

#[tokio::test]
async fn clients_are_asked_and_none_is_refused() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let text = line("certificate", &authority.file("a.pem", &["a.test"]))
        + "client_certificates = \"ask\"\n"
        + &line("client_ca", &authority.path("ca.pem"));
    let server = server(&text);
    let shaken = shake(&server, &authority.client(), "a.test").await.unwrap();
    assert_eq!(shaken.info.client, ClientCertificate::NotSent);
    assert_eq!(shaken.info.client.to_string(), "Client did not present a certificate");

    let (certificate, key) = authority.issue(&["relay.test"]);
    let known = authority.client_with(&certificate, &key);
    let info = shake(&server, &known, "a.test").await.unwrap().info;
    assert_eq!(
        info.client.to_string(),
        "Client CN \"relay.test\", Issuer \"test authority\" (verified OK)"
    );
    assert!(info.to_string().starts_with("Trusted TLS connection established: TLSv1.3 with"));
    let ClientCertificate::Sent { fingerprint, .. } = &info.client else { panic!("{info:?}") };
    assert_eq!(fingerprint.len(), 32 * 3 - 1);
    // Resumed, it is the same client.
    let again = shake(&server, &known, "a.test").await.unwrap().info;
    assert!(again.resumed, "{again:?}");
    assert_eq!(again.client, info.client);

    let (certificate, key) = stranger.issue(&["a \"name\" (of sorts)"]);
    let unknown = authority.client_with(&certificate, &key);
    let info = shake(&server, &unknown, "a.test").await.unwrap().info;
    assert_eq!(
        info.client.to_string(),
        "Client CN \"a ?name? ?of sorts?\", Issuer \"test authority\" (not verified)"
    );
    assert!(info.to_string().starts_with("Untrusted TLS connection"));
}

#[tokio::test]
async fn resumption_can_be_off() {
    let authority = Authority::new();
    let certificate = line("certificate", &authority.file("a.pem", &["a.test"]));
    let server = server(&format!("{certificate}resumption = false\n"));
    let client = authority.client();
    for _ in 0..2 {
        assert!(!shake(&server, &client, "a.test").await.unwrap().info.resumed);
    }
}
