//! What is wrong with files is told when the configuration is read.

use proptest::prelude::*;

use super::*;
use crate::tls::{Certificate, folders};

fn wrong(text: &str) -> String {
    crate::print_problems(&read(text).unwrap_err())
}

#[test]
fn a_certificate_is_read() {
    let authority = Authority::new();
    let (pem, _) = authority.issue(&["mail.test", "127.0.0.1"]);
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let read = Certificate::parse(&der).unwrap();
    assert_eq!(read.names, ["mail.test", "127.0.0.1"]);
    assert_eq!(read.issuer_name.as_deref(), Some("test authority"));
    assert_eq!(read.common_name.as_deref(), Some("mail.test"));
    assert_eq!(read.key_type, "ECDSA P-256");
    assert_eq!(read.fingerprint.len(), 32 * 3 - 1);
    assert!(!read.is_own_issuer() && read.not_before < read.not_after);
}

#[test]
fn all_that_is_wrong_is_told() {
    let authority = Authority::new();
    let (certificate, _) = authority.issue(&["a.test"]);
    let (_, other_key) = authority.issue(&["a.test"]);
    let certificate = authority.write("a.pem", &certificate);
    let other_key = authority.write("b.key", &other_key);
    let b = authority.file("b.pem", &["b.test"]);
    let text = line("certificate", &certificate)
        + &line("key", &other_key)
        + "[tls.name.\"c.test\"]\n"
        + &line("certificate", &b)
        + "[tls.name.\"d.test\"]\n"
        + &line("certificate", &authority.path("none.pem"));
    let said = wrong(&text);
    for part in [
        "x.toml:2:",
        "b.key: is not the key of the certificate in",
        "is not for c.test, but for b.test",
        "none.pem: No such file",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(wrong(&line("key", &other_key)).contains("needs `certificate` beside it"));
    let cut = authority.write("cut.pem", &std::fs::read_to_string(&b).unwrap()[..200]);
    assert!(wrong(&line("certificate", &cut)).contains("cut.pem: holds no certificate"));
    let ask = line("certificate", &b) + "client_certificates = \"ask\"\n";
    assert!(wrong(&(ask + &line("client_ca", &other_key))).contains("b.key: holds no certificate"));
}

#[test]
fn nothing_named_is_no_tls() {
    let spec = FileSpec::shared("x", "A test.", &[keys::TLS]);
    let config = Config::from_texts("x", &[spec], &[]).unwrap();
    assert!(crate::tls::from_table(config.table("tls")).unwrap().is_none());
}

#[test]
fn folders_follow_links() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    for folder in ["live", "archive"] {
        std::fs::create_dir(root.join(folder)).unwrap();
    }
    std::fs::write(root.join("archive/1.pem"), "").unwrap();
    std::os::unix::fs::symlink("../archive/1.pem", root.join("live/x.pem")).unwrap();
    let spec = FileSpec::shared("x", "A test.", &[keys::TLS]);
    let text = format!("[tls]\n{}", line("certificate", &root.join("live/x.pem")));
    let config = Config::from_texts("x", &[spec], &[("x", &text)]).unwrap();
    assert_eq!(folders(config.table("tls")), [root.join("archive"), root.join("live")]);
}

proptest! {
    /// Clients send certificates too: whatever they hold is read or refused.
    #[test]
    fn damaged_certificates_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
    ) {
        let made = rcgen::generate_simple_self_signed(["a.test".to_owned(), "127.0.0.1".to_owned()]);
        let mut der = made.unwrap().cert.der().to_vec();
        for (at, octet) in changes {
            let at = at.index(der.len());
            der[at] = octet;
        }
        if let Some(read) = Certificate::parse(&der) {
            prop_assert!(!read.subject.chars().any(char::is_control));
        }
        der.truncate(end.index(der.len()));
        prop_assert_eq!(Certificate::parse(&der), None);
    }
}
