//! What `dovetail config show` prints loads to the same again.

use proptest::prelude::*;

use super::*;

fn load(smtpd: &str) -> Config {
    Config::from_texts("smtpd", &specs(), &[("smtpd", smtpd)]).unwrap()
}

const TEXT: &str = "\
idle = '5m'
body = 65536
max_recipients = 7
mynetworks = []
trusted_ids = [0, \"70\"]
[listener.\"odd name\"]
address = \"unix:/run/x.sock\"
mode = \"0660\"
[passdb.zeta]
driver = \"static\"
[passdb.alpha]
driver = \"passwd-file\"
path = \"/etc/a \\\"b\\\"\"
[log]
level = \"debug\"
";

#[test]
fn what_differs_from_the_defaults() {
    let config = load(TEXT);
    let want = "\
max_recipients = 7
trusted_ids = [0, \"70\"]

[passdb.zeta]
driver = \"static\"

[passdb.alpha]
driver = \"passwd-file\"
path = \"/etc/a \\\"b\\\"\"

[listener.\"odd name\"]
address = \"unix:/run/x.sock\"

[log]
level = \"debug\"
";
    assert_eq!(show(&config, Shown::Changed), want);
    assert_eq!(show(&load(""), Shown::Changed), "");
}

#[test]
fn every_key_in_the_order_of_the_sample() {
    let all = show(&load(TEXT), Shown::All);
    assert!(all.starts_with("max_recipients = 7\nidle = \"5m\"\nbody = 65536\n"), "{all}");
    assert!(all.contains("\nstraight_in = true\n"), "{all}");
    assert!(all.contains("\n#user = \"…\"    # not set\n"), "{all}");
    assert!(all.contains("\n[listener.\"odd name\"]\naddress = "), "{all}");
    assert!(all.contains("\nmode = \"0660\"\n"), "{all}");
    assert_eq!(show(&load(&all), Shown::Changed), show(&load(TEXT), Shown::Changed));
}

#[test]
fn the_defaults_load_to_the_defaults() {
    let empty = load("");
    for spec in specs() {
        let text = show(empty.file(spec.name), Shown::Defaults);
        let loaded = Config::from_texts("smtpd", &specs(), &[(spec.name, &text)]).unwrap();
        assert_eq!(show(loaded.file(spec.name), Shown::Changed), "", "{text}");
    }
    let text = show(&empty, Shown::Defaults);
    let users = "#trusted_ids = [\"no-such-user\", 0]    # the default; not all of them are users of this system\n";
    assert!(text.contains(users), "{text}");
    assert!(text.contains("\n#[passdb.NAME]\n#driver = "), "{text}");
}

#[test]
fn free_keys_keep_their_values() {
    let text = "[routes]\n\"a.test\" = \"/a\"\nb = \"/b\"\n";
    let load = |text: &str| Config::from_texts("smtpd", &specs(), &[("domains", text)]).unwrap();
    assert_eq!(show(load(text).file("domains"), Shown::Changed), text);
    let all = show(load(text).file("domains"), Shown::All);
    assert_eq!(
        load(&all).file("domains").text_map("routes"),
        load(text).file("domains").text_map("routes")
    );
}

prop_compose! {
    fn a_file()(
        recipients in 1u32..100_000,
        idle in 1u64..3600,
        body in 0u64..1 << 30,
        networks in prop::collection::vec("[ -~äöü]{0,12}", 0..4),
        names in prop::collection::btree_set("[a-zA-Z0-9 .\"\\\\ü-]{0,8}", 0..4),
        level in prop::sample::select(vec!["error", "info", "trace"]),
        straight in any::<bool>(),
    ) -> String {
        let quote = |text: &String| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let networks: Vec<String> = networks.iter().map(quote).collect();
        let listeners: String = names.iter().map(|name| format!("[listener.{}]\nmode = \"0600\"\n", quote(name))).collect();
        format!(
            "max_recipients = {recipients}\nidle = \"{idle}s\"\nbody = {body}\nstraight_in = {straight}\n\
             mynetworks = [{}]\n{listeners}[log]\nlevel = \"{level}\"\n",
            networks.join(", ")
        )
    }
}

proptest! {
    #[test]
    fn what_is_shown_loads_to_the_same(text in a_file()) {
        let config = load(&text);
        for which in [Shown::All, Shown::Changed] {
            let again = load(&show(&config, which));
            for spec in specs() {
                for key in &spec.keys {
                    let (one, two) = (config.file(spec.name), again.file(spec.name));
                    prop_assert!(one.same(two, key.name), "{}: {}", key.name, show(&config, which));
                }
            }
        }
    }
}
