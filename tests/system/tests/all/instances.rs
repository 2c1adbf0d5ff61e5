//! Two smtpd, one for port 25 and one for 587: a flood on one doesn't touch the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Demo, Line, eventually};

const ALICE: &str = "alice@example.test";
/// Connections that come to `mx` at once: more than it serves, and more than wait in its queue.
const FLOOD: usize = 1500;
const SERVED: usize = 20;

struct Instance {
    child: Child,
    folder: PathBuf,
    name: String,
}

impl Instance {
    fn start(demo: &Demo, folder: &Path, name: &str, listener: &str) -> Self {
        let base = fs::read_to_string(Path::new(&demo.at.config).join("smtpd.toml")).unwrap();
        let head = base.split("\n[listener.").next().unwrap();
        let socket = folder.join(format!("{name}.sock"));
        let tls = base.find("\n[tls]").map(|at| {
            let rest = &base[at + 1..];
            rest.split("\n\n").next().unwrap().to_owned()
        });
        let head = head.split("\n[tls]").next().unwrap();
        let text = format!(
            "max_connections = {SERVED}\n{head}\n{}\n[listener.admin]\naddress = \"unix:{}\"\n\
             [listener.{name}]\naddress = \"127.0.0.1:0\"\n{listener}",
            tls.unwrap(),
            socket.display()
        );
        fs::write(folder.join(format!("smtpd@{name}.toml")), text).unwrap();
        let log = fs::File::create(folder.join(format!("{name}.log"))).unwrap();
        let mut command = Command::new(support::demo::binary("smtpd"));
        command.args(["--instance", name, "--config"]).arg(folder);
        let child = command.stdin(Stdio::null()).stderr(log).spawn().unwrap();
        Self { child, folder: folder.to_owned(), name: name.to_owned() }
    }

    fn address(&self) -> String {
        let status = eventually("the instance", || {
            let mut command = Command::new(support::demo::binary("dovetail"));
            command.arg("--config").arg(&self.folder).args(["status", "--json"]);
            let output = support::tools::finish(&mut command, "");
            let shown: Value = serde_json::from_slice(&output.stdout).ok()?;
            let wanted = format!("smtpd@{}", self.name);
            shown["daemons"]
                .as_array()?
                .iter()
                .find(|one| one["name"] == wanted.as_str())
                .filter(|one| one["running"] == true)
                .cloned()
        });
        status["listeners"][&self.name][0].as_str().unwrap().to_owned()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_flood_on_25_does_not_touch_587() {
    let demo = Demo::start();
    let folder = tempfile::Builder::new().prefix("dvt").tempdir_in(demo.scratch()).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(folder.path(), open).unwrap();
    for file in ["domains.toml", "virtual"] {
        fs::copy(Path::new(&demo.at.config).join(file), folder.path().join(file)).unwrap();
    }
    let mx = Instance::start(&demo, folder.path(), "mx", "tls = \"starttls\"\n");
    let users = "role = \"submission\"\ntls = \"starttls\"\n";
    let submission = Instance::start(&demo, folder.path(), "submission", users);
    let (mx_at, submission_at) = (mx.address(), submission.address());
    Line::tcp(&mx_at).expect("220 ");

    let address: std::net::SocketAddr = mx_at.parse().unwrap();
    let connect = || std::net::TcpStream::connect_timeout(&address, Duration::from_millis(50)).ok();
    let flood: Vec<_> = (0..FLOOD).map_while(|_| connect()).collect();
    assert!(flood.len() > SERVED, "{} came through", flood.len());
    // The one has no place left; the other logs a user in as if nothing were.
    let began = Instant::now();
    let user = demo.user(ALICE);
    let mut line = Line::tcp(&submission_at);
    line.expect("220 ");
    line.ask("EHLO client.test", "250 ");
    line.ask("STARTTLS", "220 ");
    let mut line = line.start_tls(&demo.at.ca);
    line.ask("EHLO client.test", "250 ");
    line.ask(&format!("AUTH PLAIN {}", support::demo::plain(&user.login, &user.password)), "235 ");
    line.ask("QUIT", "221 ");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let served = |name: &str| {
        let mut command = Command::new(support::demo::binary("dovetail"));
        command.arg("--config").arg(folder.path()).args(["who", "--json", name]);
        let output = support::tools::finish(&mut command, "");
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        shown["sessions"].as_array().unwrap().len()
    };
    assert_eq!(served("smtpd@mx"), SERVED);
    drop(flood);
    demo.stop();
}
