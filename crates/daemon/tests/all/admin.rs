//! The operator's socket of a whole daemon: health, metrics, who may ask, who asked.

use super::*;

fn get(echod: &Echod, path: &str) -> (u16, Value) {
    echod.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
}

fn metrics(echod: &Echod) -> String {
    let mut stream = patient(UnixStream::connect(echod.path("admin.sock")).unwrap());
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.to_lowercase().contains("content-type: text/plain; version=0.0.4"), "{head}");
    body.to_owned()
}

/// The value of a sample without labels, or with exactly these.
fn sample(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    assert!(line.is_some(), "no {name} in\n{text}");
    line.unwrap().parse().unwrap()
}

#[test]
fn health_is_the_worst_of_its_checks() {
    let echod = Echod::start("[health]\nwarn_free = 0\nmin_free = 0", TCP);
    let good = eventually("all listeners", || {
        let (status, health) = get(&echod, "/v1/health");
        (status == 200 && health["status"] == "good").then_some(health)
    });
    for check in ["listeners", "disk", "descriptors", "greeting"] {
        assert_eq!(good["checks"][check]["status"], "good", "{good}");
    }
    assert_eq!(good["checks"]["listeners"]["listeners"]["echo"], "serving");
    assert!(good["checks"]["descriptors"]["open"].as_u64().unwrap() > 3, "{good}");

    write_config(echod.dir.path(), "greeting = \"what?\"", TCP);
    echod.signal(Signal::SIGHUP);
    let bad = eventually("a bad check", || {
        let (status, health) = get(&echod, "/v1/health");
        (status == 503).then_some(health)
    });
    assert_eq!(bad["status"], "bad");
    let rude = serde_json::json!({"status": "bad", "message": "rude"});
    assert_eq!(bad["checks"]["greeting"], rude);
    assert_eq!(bad["checks"]["listeners"]["status"], "good");
}

#[test]
fn descriptors_that_run_out_are_seen_from_inside() {
    let mut few = Command::new("sh");
    few.args(["-c", "ulimit -n 100; exec \"$0\" \"$@\""]).arg(self::echod());
    let dir = folder("max_descriptors = 64\n[health]\ndescriptors_percent = 1", TCP);
    let echod = Echod::launch(few, dir);
    // While a listener isn't served yet, that is worse.
    let health = eventually("all listeners", || {
        let (status, health) = get(&echod, "/v1/health");
        (status == 200).then_some(health)
    });
    let found = &health["checks"]["descriptors"];
    assert_eq!(found["status"], "warn", "{health}");
    let said = found["message"].as_str().unwrap();
    assert!(said.ends_with(" descriptors are open"), "{said}");
}

#[test]
fn metrics_are_prometheus_text() {
    let echod = Echod::start("", TCP);
    heard(&mut echod.connect("echo"));
    let text = eventually("the session's end", || {
        let text = metrics(&echod);
        (sample(&text, "dovetail_echod_session_seconds_count") >= 1.0).then_some(text)
    });
    assert_eq!(sample(&text, "dovetail_up"), 1.0);
    assert!(sample(&text, "dovetail_connections_accepted_total") >= 2.0);
    assert_eq!(sample(&text, "dovetail_health{check=\"greeting\"}"), 0.0);
    assert_eq!(sample(&text, "dovetail_listener_up{listener=\"echo\"}"), 1.0);
    assert!(sample(&text, "process_resident_memory_bytes") > 1e5);
    assert!(sample(&text, "process_open_fds") > 3.0);
    assert!(sample(&text, "process_start_time_seconds") > 1.6e9);
    let all = sample(&text, "dovetail_echod_session_seconds_bucket{le=\"+Inf\"}");
    assert_eq!(all, sample(&text, "dovetail_echod_session_seconds_count"));
    // Every family is told once, before its samples.
    let mut families = std::collections::BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(families.insert(name.to_owned()), "{name} twice");
            assert!(kind != "counter" || name.ends_with("_total"), "{line}");
        } else if !line.starts_with("# HELP ") {
            let name = line.split(['{', ' ']).next().unwrap();
            let known = |suffix| name.strip_suffix(suffix).is_some_and(|n| families.contains(n));
            let histogram = known("_bucket") || known("_sum") || known("_count");
            assert!(families.contains(name) || histogram, "{line}");
        }
    }
}

#[test]
fn changes_are_logged_with_who_asked() {
    let echod = Echod::start("", TCP);
    // Its own routes are there once it serves.
    heard(&mut echod.connect("echo"));
    let request =
        "POST /v1/twice/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\n2";
    assert_eq!(echod.ask(request).0, 200);
    let wanted = format!(
        "by=uid={},pid={} method=POST path=/v1/twice/a status=200",
        nix::unistd::geteuid(),
        std::process::id()
    );
    eventually("the line", || echod.log().contains(&wanted).then_some(()));
    assert!(!echod.log().contains("method=GET"), "{}", echod.log());
}
