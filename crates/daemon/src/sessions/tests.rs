//! Limits, lists and kicks.

use super::*;

fn from(address: &str) -> Peer {
    Peer { remote: Some(address.parse().unwrap()), ..Peer::default() }
}

fn local() -> Peer {
    Peer { uid: Some(8), gid: Some(8), pid: Some(9), ..Peer::default() }
}

fn limited(per_address: usize, per_user: usize) -> Sessions {
    let sessions = Sessions::default();
    let unlimited = ["127.0.0.0/8".parse().unwrap()].into_iter().collect();
    sessions.limit(SessionLimits { per_address, per_user, unlimited });
    sessions
}

#[test]
fn an_address_has_so_many_and_others_have_theirs() {
    let sessions = limited(2, 0);
    let enter = |address: &str| sessions.enter("smtp", &from(address));
    let held = [enter("192.0.2.1:1").unwrap(), enter("192.0.2.1:2").unwrap()];
    let refused = enter("192.0.2.1:3").unwrap_err();
    let address = "192.0.2.1".parse().unwrap();
    assert_eq!(refused, TooMany::OfAddress { address, limit: 2 });
    assert_eq!(refused.to_string(), "too many connections from 192.0.2.1");
    assert!(enter("192.0.2.2:1").is_ok());
    let _many: Vec<Seat> = (0..10).map(|_| enter("127.0.0.1:1").unwrap()).collect();
    let _locals: Vec<Seat> = (0..10).map(|_| sessions.enter("lmtp", &local()).unwrap()).collect();
    drop(held);
    assert!(enter("192.0.2.1:4").is_ok());
}

#[test]
fn a_user_has_so_many_from_each_address() {
    let sessions = limited(0, 2);
    let seat = |address: &str| sessions.enter("imap", &from(address)).unwrap();
    let (one, two, three) = (seat("192.0.2.1:1"), seat("192.0.2.1:2"), seat("192.0.2.1:3"));
    one.user("alice").unwrap();
    two.user("Alice").unwrap();
    let refused = three.user("alice").unwrap_err();
    assert_eq!(refused, TooMany::OfUser { user: "alice".into(), limit: 2 });
    assert_eq!(three.describe().user, None);
    three.user("bob").unwrap();
    seat("192.0.2.9:1").user("alice").unwrap();
    one.no_user();
    three.user("alice").unwrap();
    assert_eq!(three.describe().user.as_deref(), Some("alice"));
}

#[test]
fn they_are_listed_by_number_while_they_live() {
    let sessions = Sessions::default();
    let mut seats: Vec<Seat> = (0..40).map(|_| sessions.enter("imap", &local()).unwrap()).collect();
    assert_eq!(sessions.count(), 40);
    let ids = |after, most| -> Vec<u64> {
        sessions.list(after, most).iter().map(|session| session.id).collect()
    };
    assert_eq!(ids(0, 3), [1, 2, 3]);
    assert_eq!(ids(3, 2), [4, 5]);
    let clone = seats[0].clone();
    seats[0].state("SELECT");
    seats.clear();
    assert_eq!(ids(0, 50), [1]);
    assert_eq!(
        (clone.describe().state, clone.describe().client.as_str()),
        ("SELECT", "uid=8,pid=9")
    );
    drop(clone);
    assert_eq!(sessions.count(), 0);
}

#[test]
fn kicks_reach_whom_they_mean() {
    let sessions = Sessions::default();
    let seat = |address: &str| sessions.enter("imap", &from(address)).unwrap();
    let (one, two, three) = (seat("192.0.2.1:1"), seat("192.0.2.1:2"), seat("[2001:db8::1]:1"));
    two.user("bob").unwrap();
    let kicked =
        |who| -> Vec<u64> { sessions.kick(who).iter().map(|session| session.id).collect() };
    assert!(kicked(Who::Id(9)).is_empty());
    assert_eq!(kicked(Who::User("BOB")), [2]);
    assert!(two.kicked().is_cancelled() && !one.kicked().is_cancelled());
    assert_eq!(two.describe().state, "kicked");
    assert_eq!(kicked(Who::Address("::ffff:192.0.2.1".parse().unwrap())), [1]);
    assert_eq!(kicked(Who::Id(3)), [3]);
    assert!(three.kicked().is_cancelled());
}
