//! What the operator sees and does.

use serde_json::Value;
use support::eventually;

use crate::stage::Stage;

const RARELY: &str = "retry_min = \"1h\"\nretry_max = \"2h\"\n";

#[test]
fn lists_shows_flushes_and_deletes() {
    let stage = Stage::start(RARELY);
    let hop = stage.hop("local");
    let kept = stage.send("<a@b.test>", &["e451@example.test", "ok@example.test"], "kept");
    let dropped = stage.send("<>", &["e452@example.test"], "dropped");
    stage.logged(&[&kept, "status=deferred"]);
    stage.logged(&[&dropped, "status=deferred"]);
    let listed = eventually("both deferred", || {
        let listed = stage.listed();
        listed.iter().all(|one| one["queue_name"] == "deferred").then_some(listed)
    });
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["queue_id"], kept.as_str());
    assert_eq!(listed[0]["sender"], "a@b.test");
    assert_eq!(listed[1]["sender"], "");
    assert_eq!(listed[0]["recipients"].as_array().unwrap().len(), 1, "{listed:?}");
    let reason = listed[0].pointer("/recipients/0/delay_reason").unwrap().as_str().unwrap();
    assert!(reason.contains("said: 451 4.2.2 <e451> says no"), "{reason}");
    assert!(listed[0]["arrival_time"].is_u64() && listed[0]["message_size"].is_u64());

    let (status, first) = stage.ask("GET", "/v1/queue?limit=1");
    assert_eq!((status, first["messages"].as_array().unwrap().len()), (200, 1));
    let (_, rest) =
        stage.ask("GET", &format!("/v1/queue?after={}", first["next"].as_str().unwrap()));
    assert_eq!(rest["messages"][0]["queue_id"], dropped.as_str());
    assert_eq!(rest["next"], Value::Null);

    let (status, shown) = stage.ask("GET", &format!("/v1/queue/{kept}"));
    assert_eq!(status, 200);
    assert!(shown["header"].as_str().unwrap().contains("Subject: kept"), "{shown}");
    assert_eq!(shown["tries"][1]["fate"], "delivered");
    assert_eq!(shown["tries"][0]["attempts"], 1);
    assert_eq!(stage.ask("GET", "/v1/queue/nothing").0, 404);
    assert_eq!(stage.ask("POST", "/v1/queue/flush?id=nothing").0, 404);

    let (status, _) = stage.ask("DELETE", &format!("/v1/queue/{dropped}"));
    assert_eq!((status, stage.listed().len()), (200, 1));
    assert_eq!(stage.ask("DELETE", &format!("/v1/queue/{dropped}")).0, 404);

    hop.answer("e451", "250 2.0.0 saved");
    assert_eq!(stage.ask("POST", "/v1/queue/flush?domain=elsewhere.test").0, 200);
    assert_eq!(stage.listed().len(), 1);
    assert_eq!(stage.ask("POST", "/v1/queue/flush?domain=example.test").0, 200);
    stage.until_empty();
    // Counted, as it is logged, once it is on disk.
    let status = eventually("both counted", || {
        let (_, status) = stage.ask("GET", "/v1/status");
        (status["recipients_sent"] == 2).then_some(status)
    });
    assert_eq!(status["messages_accepted"], 2);
}

#[test]
fn a_reload_changes_what_it_may() {
    let stage = Stage::start(RARELY);
    let id = stage.send("<a@b.test>", &["x@far.test"], "soon");
    stage.logged(&[&id, "status=deferred"]);
    let path = stage.path("domains.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        format!("{text}[routes]\n\"far.test\" = \"{}\"\n", stage.path("out").display()),
    )
    .unwrap();
    let out = stage.hop("out");
    stage.reload();
    stage.logged(&["reload"]);
    // What is in memory goes where it was going; a restart or a scan would see the new route.
    let second = stage.send("<a@b.test>", &["y@far.test"], "routed");
    stage.logged(&[&second, "status=sent"]);
    assert_eq!(out.taken()[0].rcpts, ["RCPT TO:<y@far.test>"]);
}
