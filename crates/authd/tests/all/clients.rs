//! Our own asking side against the process: logins, look-ups, restarts, reloads.

use std::fs;
use std::time::{Duration, Instant};

use auth_client::{
    AuthError, LoginClient, Refusal, Request, Step, Timeouts, UserClient, VerifiedLogin,
};
use nix::sys::signal::Signal;
use sasl::Credentials;

use crate::process::{Authd, PATIENCE, USERS};

const P0: &str = "p0@example.test";

fn timeouts() -> Timeouts {
    Timeouts { connect: PATIENCE, reply: PATIENCE }
}

fn logins(authd: &Authd) -> LoginClient {
    LoginClient::new(authd.socket("client"), timeouts())
}

fn users(authd: &Authd) -> UserClient {
    UserClient::new(authd.socket("userdb"), timeouts())
}

fn request<'a>(user: &str, password: &str, remote: &str) -> Request<'a> {
    let mut request = Request::password(&Credentials::new(user, password), "imap").unwrap();
    request.remote = Some(format!("{remote}:40000").parse().unwrap());
    request.secured = true;
    request
}

async fn login(client: &LoginClient, user: &str, password: &str) -> Result<Step, AuthError> {
    client.begin(request(user, password, "192.0.2.1")).await
}

fn accepted(step: Result<Step, AuthError>) -> VerifiedLogin {
    match step {
        Ok(Step::Accepted(login)) => login,
        other => panic!("{other:?}"),
    }
}

fn refused(step: Result<Step, AuthError>) -> Refusal {
    match step {
        Ok(Step::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn logins_good_and_bad() {
    let authd = Authd::start(USERS, "failure_delay = \"0s\"");
    let client = logins(&authd);
    assert_eq!(client.mechanisms().await.unwrap(), ["PLAIN", "LOGIN"]);
    assert_eq!(accepted(login(&client, "P0@Example.Test", "secret").await).user(), P0);
    let refusal = refused(login(&client, P0, "wrong").await);
    assert_eq!((refusal.temporary, refusal.code), (false, None));
    assert_eq!(refusal.user.as_deref(), Some(P0));
    let unknown = refused(login(&client, "nobody@example.test", "wrong").await);
    assert_eq!((unknown.temporary, unknown.code), (false, None));
    let closed = accepted(login(&client, "nol@example.test", "secret").await);
    assert_eq!(closed.nologin(), Some("maintenance"));
    let mut foreign = request(P0, "secret", "192.0.2.1");
    foreign.mechanism = "GSSAPI";
    assert!(matches!(client.begin(foreign).await, Err(AuthError::UnknownMechanism(_))));
    let status = authd.status();
    assert!(status.contains("\"logins_accepted\":2"), "{status}");
    assert!(status.contains("\"logins_refused\":2"), "{status}");
    assert!(status.contains("\"password_checks\":4"), "{status}");
}

#[tokio::test]
async fn passwords_are_logged_where_the_operator_says_so_alone() {
    // What a client sends must not become fields of its own.
    let forged = "wrong status=accepted";
    for (extra, wanted) in [
        ("", ""),
        ("log_passwords = \"plain\"", " given_password=\"wrong status=accepted\""),
        (
            "log_passwords = \"sha1\"",
            " given_password_sha1=8bf5a6ddb042ba1406af79dca74600003a942657",
        ),
    ] {
        let authd = Authd::start(USERS, &format!("failure_delay = \"0s\"\n{extra}"));
        let client = logins(&authd);
        refused(login(&client, P0, forged).await);
        refused(login(&client, "nobody@example.test", forged).await);
        // A good password that is refused for another reason isn't told.
        let from_outside = request("net@example.test", "secret", "203.0.113.9");
        refused(client.begin(from_outside).await);
        accepted(login(&client, P0, "secret").await);
        authd.wait_for_log(" status=accepted", 1);
        let log = authd.log();
        let line = |reason: &str, user: &str| {
            format!(
                "info: login by PLAIN: {reason} user={user} client=192.0.2.1 service=imap \
                 status=refused{wanted}\n"
            )
        };
        for line in [line("password mismatch", P0), line("unknown user", "nobody@example.test")] {
            assert!(log.contains(&line), "{line}{log}");
        }
        assert_eq!(log.contains("PASSWORDS ARE LOGGED"), !extra.is_empty(), "{log}");
        assert!(!log.contains("secret"), "{log}");
        assert_eq!(log.contains("wrong"), extra.contains("plain"), "{log}");
    }
}

#[tokio::test]
async fn login_by_prompts_and_cancelled() {
    let authd = Authd::start(USERS, "");
    let client = logins(&authd);
    let begin = || {
        let mut request = request(P0, "secret", "192.0.2.1");
        request.mechanism = "login";
        request.initial = None;
        client.begin(request)
    };
    let Ok(Step::Challenge(message, exchange)) = begin().await else { panic!() };
    assert_eq!(message, b"Username:");
    let Ok(Step::Challenge(message, exchange)) = exchange.respond(P0.into()).await else {
        panic!()
    };
    assert_eq!(message, b"Password:");
    assert_eq!(accepted(exchange.respond(b"secret".to_vec()).await).user(), P0);
    let Ok(Step::Challenge(_, exchange)) = begin().await else { panic!() };
    exchange.cancel();
    // The connection goes on, and so do those after it.
    assert_eq!(accepted(login(&client, P0, "secret").await).user(), P0);
}

#[tokio::test]
async fn users_known_and_unknown() {
    let authd = Authd::start(USERS, "");
    let client = users(&authd);
    let user = client.user("ful@example.test", "lmtp").await.unwrap().unwrap();
    assert_eq!((user.uid, user.gid), (Some(5000), Some(5000)));
    assert_eq!(user.home.unwrap().to_str(), Some("/var/vmail/example.test/ful"));
    assert_eq!(user.fields["quota_rule"], "*:storage=5K");
    assert_eq!(client.user("nobody@example.test", "lmtp").await.unwrap(), None);
    assert_eq!(client.user(&"x".repeat(2000), "lmtp").await.unwrap(), None);
    assert_eq!(client.user("a\tb\n", "lmtp").await.unwrap(), None);
    let later = client.user("later@example.test", "lmtp").await;
    assert!(matches!(later, Err(AuthError::Failed { reason: Some(reason) }) if reason == "later"));
    assert_eq!(client.list().await.unwrap().len(), 6);
}

#[tokio::test]
async fn many_at_once() {
    let authd = Authd::start(USERS, "failure_delay = \"0s\"\nhash_queue = 8");
    let (logins, users) = (logins(&authd), users(&authd));
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..600_usize {
        let (logins, users) = (logins.clone(), users.clone());
        tasks.spawn(async move {
            if at % 2 == 0 {
                assert_eq!(accepted(login(&logins, P0, "secret").await).user(), P0);
            } else {
                assert!(users.user(P0, "lmtp").await.unwrap().is_some());
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn a_restart_is_not_noticed_and_an_absence_is_temporary() {
    let mut authd = Authd::start(USERS, "");
    let (logins, users) = (logins(&authd), users(&authd));
    accepted(login(&logins, P0, "secret").await);
    assert!(users.user(P0, "lmtp").await.unwrap().is_some());
    authd.restart();
    accepted(login(&logins, P0, "secret").await);
    assert!(users.user(P0, "lmtp").await.unwrap().is_some());
    authd.stop();
    let away = login(&logins, P0, "secret").await;
    assert!(matches!(away, Err(AuthError::Away { .. } | AuthError::Lost { .. })), "{away:?}");
    let away = users.user(P0, "lmtp").await;
    assert!(matches!(away, Err(AuthError::Away { .. } | AuthError::Lost { .. })), "{away:?}");
}

#[tokio::test]
async fn the_wrong_socket_is_told() {
    let authd = Authd::start(USERS, "");
    let swapped = UserClient::new(authd.socket("client"), timeouts()).user(P0, "lmtp").await;
    assert!(matches!(swapped, Err(AuthError::Protocol { .. })), "{swapped:?}");
    let swapped = LoginClient::new(authd.socket("userdb"), timeouts());
    let swapped = login(&swapped, P0, "secret").await;
    assert!(matches!(swapped, Err(AuthError::Protocol { .. })), "{swapped:?}");
}

#[tokio::test]
async fn a_changed_file_counts_at_once() {
    let authd = Authd::start(USERS, "failure_delay = \"0s\"");
    let (logins, users) = (logins(&authd), users(&authd));
    accepted(login(&logins, P0, "secret").await);
    fs::write(
        authd.users(),
        USERS.replace("p0@example.test:{PLAIN}secret", "p0@example.test:{PLAIN}Secret"),
    )
    .unwrap();
    refused(login(&logins, P0, "secret").await);
    accepted(login(&logins, P0, "Secret").await);
    fs::write(authd.users(), "").unwrap();
    assert_eq!(users.user(P0, "lmtp").await.unwrap(), None);
    fs::remove_file(authd.users()).unwrap();
    assert_eq!(users.user(P0, "lmtp").await.unwrap(), None, "missing: unknown, as Dovecot has it");
    fs::create_dir(authd.users()).unwrap();
    assert!(users.user(P0, "lmtp").await.is_err());
    assert!(refused(login(&logins, P0, "Secret").await).temporary);
}

#[tokio::test]
async fn reload_takes_settings_up_and_a_bad_one_changes_nothing() {
    let authd = Authd::start(USERS, "");
    let users = users(&authd);
    let config = fs::read_to_string(authd.config()).unwrap();
    assert_eq!(users.user("p0", "lmtp").await.unwrap(), None);
    fs::write(authd.config(), format!("default_realm = \"example.test\"\n{config}")).unwrap();
    authd.signal(Signal::SIGHUP);
    authd.wait_for_log("reloaded", 1);
    let taken_up = async {
        loop {
            if let Some(user) = users.user("p0", "lmtp").await.unwrap() {
                return user.name;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let name = tokio::time::timeout(Duration::from_secs(20), taken_up).await;
    assert_eq!(name.expect("the new realm counts"), P0);
    fs::write(authd.config(), format!("default_realm = 1\n{config}")).unwrap();
    authd.signal(Signal::SIGHUP);
    authd.wait_for_log("reload failed", 1);
    assert_eq!(users.user("p0", "lmtp").await.unwrap().unwrap().name, P0);
}

/// Failures of one address come one after the other; others and good logins don't wait for them.
#[tokio::test]
async fn failures_of_one_address_wait_for_each_other() {
    let authd = Authd::start(USERS, "failure_delay = \"1s\"");
    let client = logins(&authd);
    let start = Instant::now();
    let wrong = |remote| {
        let client = client.clone();
        async move {
            refused(client.begin(request(P0, "wrong", remote)).await);
            start.elapsed()
        }
    };
    let (a, b, c, other) = tokio::join!(
        wrong("192.0.2.1"),
        wrong("192.0.2.1"),
        wrong("192.0.2.1"),
        wrong("192.0.2.2")
    );
    let mut same = [a, b, c];
    same.sort();
    for (nth, took) in same.into_iter().enumerate() {
        assert!(took >= Duration::from_secs(nth as u64 + 1), "{same:?}");
    }
    assert!(other >= Duration::from_secs(1) && other < same[2], "{other:?} {same:?}");
}
