//! Certificates that change while they are served.

use super::*;
use crate::tls::slot::{self, Look};
use crate::tls::{PairFiles, certificates};

fn look(file: &Path) -> Look {
    let files = PairFiles { certificate: file.to_owned(), key: file.to_owned() };
    slot::all().into_iter().find(|slot| *slot.files() == files).unwrap().look()
}

fn replace(authority: &Authority, name: &str, names: &[&str]) {
    let new = authority.file("new", names);
    std::fs::rename(new, authority.path(name)).unwrap();
}

#[tokio::test]
async fn a_renewed_certificate_is_served_and_sessions_go_on() {
    let authority = Authority::new();
    let file = authority.file("a.pem", &["a.test", "first.test"]);
    let (server, client) = (server(&line("certificate", &file)), authority.client());
    assert!(!shake(&server, &client, "a.test").await.unwrap().info.resumed);
    assert!(shake(&server, &client, "a.test").await.unwrap().info.resumed);
    assert!(matches!(look(&file), Look::Same));
    replace(&authority, "a.pem", &["a.test", "second.test"]);
    assert!(matches!(look(&file), Look::New));
    // A ticket from before is still good.
    assert!(shake(&server, &client, "a.test").await.unwrap().info.resumed);
    // A new client sees the new one.
    let shaken = shake(&server, &authority.client(), "a.test").await.unwrap();
    assert!(!shaken.info.resumed);
    assert_eq!(shaken.names, ["a.test", "second.test"]);
    let served = certificates().into_iter().find(|one| one.file == file).unwrap();
    assert_eq!(served.names, ["a.test", "second.test"]);
    // The same once more is nothing new, and neither is the same under new settings.
    std::fs::copy(&file, authority.path("copy")).unwrap();
    std::fs::rename(authority.path("copy"), &file).unwrap();
    assert!(matches!(look(&file), Look::Again));
    let reloaded = self::server(&line("certificate", &file));
    assert!(shake(&reloaded, &client, "a.test").await.unwrap().info.resumed, "after a reload");
}

#[tokio::test]
async fn a_broken_one_leaves_the_old() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["a.test"]);
    let certificate = authority.write("a.pem", &certificate);
    let key = authority.write("a.key", &key);
    let server = server(&(line("certificate", &certificate) + &line("key", &key)));
    let files = PairFiles { certificate: certificate.clone(), key: key.clone() };
    let slot = slot::all().into_iter().find(|slot| *slot.files() == files).unwrap();
    let (next, next_key) = authority.issue(&["a.test", "next.test"]);

    std::fs::write(&certificate, &next[..next.len() / 4]).unwrap();
    slot.look_and_tell();
    assert!(slot.trouble().unwrap().contains("holds no certificate"));
    std::fs::write(&certificate, &next).unwrap();
    slot.look_and_tell();
    assert!(slot.trouble().unwrap().contains("is not the key of"));
    std::fs::remove_file(&key).unwrap();
    slot.look_and_tell();
    assert!(slot.trouble().unwrap().contains("No such file"));
    assert_eq!(shake(&server, &authority.client(), "a.test").await.unwrap().names, ["a.test"]);
    // A reload says so too.
    let text = line("certificate", &certificate) + &line("key", &key);
    assert!(crate::print_problems(&read(&text).unwrap_err()).contains("a.key: No such file"));

    std::fs::write(&key, &next_key).unwrap();
    slot.look_and_tell();
    assert_eq!(slot.trouble(), None);
    let shaken = shake(&server, &authority.client(), "a.test").await.unwrap();
    assert_eq!(shaken.names, ["a.test", "next.test"]);
}

/// certbot's tree: live/x/fullchain.pem → ../../archive/x/fullchain1.pem.
#[tokio::test]
async fn a_link_that_leads_elsewhere_is_a_renewal() {
    let authority = Authority::new();
    authority.file("1.pem", &["a.test", "one.test"]);
    let link = authority.path("live.pem");
    std::os::unix::fs::symlink("1.pem", &link).unwrap();
    let server = server(&line("certificate", &link));
    authority.file("2.pem", &["a.test", "two.test"]);
    assert!(matches!(look(&link), Look::Same));
    std::os::unix::fs::symlink("2.pem", authority.path("next")).unwrap();
    std::fs::rename(authority.path("next"), &link).unwrap();
    assert!(matches!(look(&link), Look::New));
    let shaken = shake(&server, &authority.client(), "a.test").await.unwrap();
    assert_eq!(shaken.names, ["a.test", "two.test"]);
}
