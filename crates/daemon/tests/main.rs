//! A whole daemon as a process: start, listeners, admin socket, reload, logs, end.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

mod admin;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// The example beside the test's own program.
fn echod() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let built = own.ancestors().nth(2).unwrap().join("examples/echod");
    assert!(built.is_file(), "{} isn't built: cargo build -p daemon --examples", built.display());
    built
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

struct Echod {
    child: Child,
    dir: tempfile::TempDir,
}

impl Echod {
    /// Starts it with this configuration before the tables, and these listeners.
    fn start(own: &str, tables: &str) -> Self {
        let dir = folder(own, tables);
        Self::launch(Command::new(echod()), dir)
    }

    fn launch(command: Command, dir: tempfile::TempDir) -> Self {
        Self::launch_with(command, dir, Stdio::null())
    }

    fn launch_with(mut command: Command, dir: tempfile::TempDir, stdin: Stdio) -> Self {
        let log = fs::File::create(dir.path().join("stderr")).unwrap();
        command.arg("--config").arg(dir.path()).stderr(log).stdin(stdin);
        Self { child: command.spawn().unwrap(), dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap_or_default()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    fn end(&mut self) -> ExitStatus {
        eventually("the end", || self.child.try_wait().unwrap())
    }

    /// Asks the admin socket; status and body.
    fn ask(&self, request: &str) -> (u16, Value) {
        let mut stream =
            eventually("the admin socket", || UnixStream::connect(self.path("admin.sock")).ok());
        stream = patient(stream);
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split("\r\n\r\n").nth(1).unwrap();
        (status, serde_json::from_str(body).unwrap())
    }

    fn status(&self) -> Value {
        self.ask("GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").1
    }

    fn address(&self, listener: &str) -> String {
        self.status()["listeners"][listener][0].as_str().unwrap().to_owned()
    }

    fn connect(&self, listener: &str) -> BufReader<TcpStream> {
        let stream = TcpStream::connect(self.address(listener)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        BufReader::new(stream)
    }
}

impl Drop for Echod {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with echod.toml; everything in it is for the user that root's daemon becomes.
fn folder(own: &str, tables: &str) -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("dvt").tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    write_config(dir.path(), own, tables);
    if is_root() {
        nix::unistd::chown(dir.path(), Some(65534.into()), Some(65534.into())).unwrap();
    }
    dir
}

fn write_config(dir: &Path, own: &str, tables: &str) {
    let user = if is_root() { "user = \"nobody\"\ngroups = []\n" } else { "" };
    let path = dir.display();
    let text = format!(
        "{user}drain = \"500ms\"\n{own}\n[listener.admin]\naddress = \"unix:{path}/admin.sock\"\n{tables}"
    );
    fs::write(dir.join("echod.toml"), text).unwrap();
}

const TCP: &str = "[listener.echo]\naddress = \"127.0.0.1:0\"\n";

/// A socket that nobody serves must fail its test, not hang it.
fn patient(stream: UnixStream) -> UnixStream {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn heard(stream: &mut impl BufRead) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line
}

#[test]
fn serves_and_tells_its_status_and_ends() {
    let mut echod = Echod::start("", TCP);
    let mut one = echod.connect("echo");
    assert_eq!(heard(&mut one), "hello\n");
    one.get_mut().write_all(b"x\n").unwrap();
    assert_eq!(heard(&mut one), "x\n");
    let status = echod.status();
    assert_eq!(status["name"], "echod");
    assert_eq!(status["pid"], echod.child.id());
    assert_eq!(status["greeting_length"], 5);
    assert!(status["connections"].as_u64().unwrap() >= 1, "{status}");
    echod.signal(Signal::SIGTERM);
    assert_eq!(heard(&mut one), "", "the session ends on shutdown");
    assert_eq!(echod.end().code(), Some(0));
    let log = echod.log();
    assert!(log.contains("] info: starting echod ") && log.ends_with("] info: stopped\n"), "{log}");
    assert!(log.contains("] info: connected client=127.0.0.1:"), "{log}");
}

#[test]
fn only_so_many_connections_and_a_panic_costs_its_own_alone() {
    let echod = Echod::start("", TCP);
    let (mut one, mut two) = (echod.connect("echo"), echod.connect("echo"));
    assert_eq!((heard(&mut one), heard(&mut two)), ("hello\n".into(), "hello\n".into()));
    let mut three = echod.connect("echo");
    three.get_mut().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(three.read_line(&mut String::new()).is_err(), "the third waits for a permit");
    three.get_mut().set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    one.get_mut().write_all(b"panic\n").unwrap();
    assert_eq!(heard(&mut one), "");
    assert_eq!(heard(&mut three), "hello\n");
    two.get_mut().write_all(b"still\n").unwrap();
    assert_eq!(heard(&mut two), "still\n");
    eventually("the panic's line", || {
        echod.log().contains("] error: a task panicked").then_some(())
    });
}

#[test]
fn the_admin_socket_answers_bounded() {
    let echod = Echod::start("", TCP);
    // Its own routes are there once it serves.
    heard(&mut echod.connect("echo"));
    let post = |path: &str, body: &str| {
        let length = body.len();
        echod.ask(&format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"))
    };
    assert_eq!(post("/v1/twice/ab%20", "2"), (200, "ab ab ".into()));
    assert_eq!(post("/v1/twice/ab", "99").0, 400);
    assert_eq!(post("/v1/twice/ab", "{").0, 400);
    assert_eq!(post("/v1/nothing", "").0, 404);
    let get = "GET /v1/twice/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(echod.ask(get).0, 405);
    let big = "POST /v1/twice/ab HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\nConnection: close\r\n\r\n";
    assert_eq!(echod.ask(big).0, 413);
    assert_eq!(echod.status()["name"], "echod");
}

#[test]
fn a_reload_takes_up_what_it_can_and_a_wrong_one_changes_nothing() {
    let echod = Echod::start("", TCP);
    assert_eq!(heard(&mut echod.connect("echo")), "hello\n");
    let own = "greeting = \"good morning\"\nmax_descriptors = 100\n";
    write_config(echod.dir.path(), own, TCP);
    echod.signal(Signal::SIGHUP);
    eventually("the reload", || echod.log().contains("] info: reloaded\n").then_some(()));
    assert_eq!(heard(&mut echod.connect("echo")), "good morning\n");
    assert!(echod.log().contains("] warn: needs restart: max_descriptors\n"), "{}", echod.log());

    write_config(echod.dir.path(), "greeting = 3\ngreetnig = \"x\"\n", TCP);
    echod.signal(Signal::SIGHUP);
    eventually("the refusal", || {
        echod.log().contains("the running configuration stays").then_some(())
    });
    eventually("all errors", || {
        let log = echod.log();
        let hint = log.contains("unknown key `greetnig`; did you mean `greeting`?");
        (hint && log.contains("`greeting`: want a string, found an integer")).then_some(())
    });
    assert_eq!(heard(&mut echod.connect("echo")), "good morning\n");
}

#[test]
fn a_log_file_is_opened_again() {
    let dir = folder("", TCP);
    let file = dir.path().join("echod.log");
    let tables = format!("{TCP}[log]\nformat = \"json\"\nfile = \"{}\"\n", file.display());
    write_config(dir.path(), "", &tables);
    let echod = Echod::launch(Command::new(echod()), dir);
    heard(&mut echod.connect("echo"));
    let old = file.with_extension("old");
    fs::rename(&file, &old).unwrap();
    echod.signal(Signal::SIGUSR1);
    eventually("a new file", || file.exists().then_some(()));
    heard(&mut echod.connect("echo"));
    let text =
        eventually("a line", || fs::read_to_string(&file).ok().filter(|text| text.ends_with('\n')));
    let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((&line["name"], &line["message"]), (&"echod".into(), &"connected".into()));
    assert!(line["client"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(fs::read_to_string(&old).unwrap().contains("starting echod"));
}

#[test]
fn wrong_configuration_ends_with_78_and_says_all_of_it() {
    let mut echod =
        Echod::start("greeting = 1\nmax_connections = 0\n", "[listener.echo]\nadress = \"x\"\n");
    assert_eq!(echod.end().code(), Some(78));
    let log = echod.log();
    for part in [
        "`greeting`: want a string",
        "`max_connections`: 0 is not between",
        "did you mean `address`?",
    ] {
        assert!(log.contains(part), "{log}");
    }
    let mut echod = Echod::start("greeting = \"\"\n", TCP);
    assert_eq!(echod.end().code(), Some(78));
    assert!(echod.log().contains(": `greeting`: must not be empty"), "{}", echod.log());
    let output = Command::new(self::echod()).arg("--nonsense").output().unwrap();
    assert_eq!(output.status.code(), Some(64));
}

#[test]
fn sockets_that_a_parent_bound() {
    // The socket of [listener.other] is a unit that isn't enabled.
    let dir = folder("", "[listener.echo]\n[listener.other]\n");
    let socket = UnixListener::bind(dir.path().join("echo.sock")).unwrap();
    fs::set_permissions(dir.path().join("echo.sock"), fs::Permissions::from_mode(0o666)).unwrap();
    let inherit = |yes: bool| {
        let flags = if yes { nix::fcntl::FdFlag::empty() } else { nix::fcntl::FdFlag::FD_CLOEXEC };
        nix::fcntl::fcntl(&socket, nix::fcntl::FcntlArg::F_SETFD(flags)).unwrap();
    };
    inherit(true);
    let mut command = Command::new(echod());
    command.env(daemon::SOCKETS_VARIABLE, format!("echo={},strange=1", socket.as_raw_fd()));
    let mut one = Echod::launch(command, dir);
    inherit(false);
    let path = one.path("echo.sock");
    // The socket is there before the daemon serves: the connection waits.
    let mut stream = BufReader::new(patient(UnixStream::connect(&path).unwrap()));
    assert_eq!(heard(&mut stream), "hello\n");
    one.signal(Signal::SIGKILL);
    one.end();
    // It stays, as does what connects meanwhile.
    UnixStream::connect(&path).unwrap();
}

#[test]
fn only_the_peers_of_a_listener_may_connect() {
    let dir = folder("", "");
    let table = |name: &str, peer: u32| {
        let path = dir.path().join(format!("{name}.sock"));
        format!(
            "[listener.{name}]\naddress = \"unix:{}\"\nmode = \"0666\"\npeers = [{peer}]\n",
            path.display()
        )
    };
    let own = nix::unistd::geteuid().as_raw();
    let tables = table("mine", own) + &table("theirs", own + 12345);
    write_config(dir.path(), "", &tables);
    let echod = Echod::launch(Command::new(echod()), dir);
    echod.status();
    let greeting =
        |name: &str| heard(&mut BufReader::new(UnixStream::connect(echod.path(name)).unwrap()));
    assert_eq!(greeting("mine.sock"), "hello\n");
    assert_eq!(greeting("theirs.sock"), "");
    let line =
        format!("refused: not among the listener's peers listener=theirs peer=uid={own},pid=");
    eventually("the refusal's line", || echod.log().contains(&line).then_some(()));
}

#[test]
fn the_service_manager_is_told() {
    let dir = folder("", TCP);
    let path = dir.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let next = || {
        let mut buffer = [0; 200];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let mut command = Command::new(echod());
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "40000");
    let mut echod = Echod::launch(command, dir);
    let mut said = Vec::new();
    let mut until = |wanted: &str| loop {
        let word = next();
        let found = word.starts_with(wanted);
        said.push(word);
        if found {
            return;
        }
    };
    until("READY=1");
    until("WATCHDOG=1");
    until("WATCHDOG=1");
    echod.signal(Signal::SIGHUP);
    until("RELOADING=1\nMONOTONIC_USEC=");
    until("READY=1");
    echod.signal(Signal::SIGTERM);
    until("STOPPING=1");
    assert_eq!(echod.end().code(), Some(0));
}

#[test]
fn systemds_sockets() {
    // The socket of [listener.other] is a unit that isn't enabled.
    let dir = folder("", "[listener.echo]\n[listener.other]\n");
    let socket = UnixListener::bind(dir.path().join("echo.sock")).unwrap();
    let path = socket.local_addr().unwrap();
    // The socket goes to the shell as its standard input, whatever numbers this process uses; from
    // there to 3, where systemd passes it.
    let mut command = Command::new("sh");
    let script = format!("exec 3<&0 0</dev/null; LISTEN_PID=$$ exec {} \"$@\"", echod().display());
    command.args(["-c", &script, "sh"]).env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", "echo");
    let one = Echod::launch_with(command, dir, OwnedFd::from(socket).into());
    let stream = UnixStream::connect(path.as_pathname().unwrap()).unwrap();
    let mut stream = BufReader::new(patient(stream));
    assert_eq!(heard(&mut stream), "hello\n");
    let left_out = "listener other: has no address, and no socket of its name was inherited";
    assert!(one.log().contains(left_out), "{}", one.log());
}

#[test]
fn root_is_dropped_for_good() {
    if !is_root() {
        return;
    }
    let echod = Echod::start("", TCP);
    heard(&mut echod.connect("echo"));
    let status = fs::read_to_string(format!("/proc/{}/status", echod.child.id())).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(field("Uid:"), ["65534"; 4]);
    assert_eq!(field("Gid:"), ["65534"; 4]);
    assert!(field("Groups:").is_empty());
    assert_eq!(field("NoNewPrivs:"), ["1"]);
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(field(set), ["0000000000000000"], "{set}");
    }
    let admin = fs::metadata(echod.path("admin.sock")).unwrap();
    assert_eq!(admin.permissions().mode() & 0o777, 0o660);
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&admin), 65534);

    let dir = folder("", TCP);
    let text = fs::read_to_string(dir.path().join("echod.toml")).unwrap();
    fs::write(dir.path().join("echod.toml"), text.replace("nobody", "no-such-user")).unwrap();
    let mut lost = Echod::launch(Command::new(self::echod()), dir);
    assert_eq!(lost.end().code(), Some(78));
    assert!(
        lost.log().contains("there is no user \"no-such-user\" on this system"),
        "{}",
        lost.log()
    );
}
