//! Sockets that others made, that others may not use, and that can not be made.

use super::*;

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
    eventually("the line of the other", || one.log().contains(left_out).then_some(()));
}

#[test]
fn a_listener_in_a_foreign_folder_that_is_not_there_is_off_and_the_others_serve() {
    let dir = folder("", "");
    let socket = |name: &str, more: &str| {
        let path = dir.path().join(name);
        let listener = name.split('/').next().unwrap();
        format!("[listener.{listener}]\naddress = \"unix:{}\"\n{more}", path.display())
    };
    fs::create_dir(dir.path().join("other")).unwrap();
    let tables = socket("mine", "")
        + &socket("gone/auth", "")
        + &socket("other/auth", "owner = \"no-such-user\"\ngroup = \"no-such-group\"\n");
    write_config(dir.path(), "", &tables);
    let echod = Echod::launch(Command::new(echod()), dir);
    // The log's thread has its own pace.
    eventually("the log", || echod.log().contains("] error: listener gone is off: ").then_some(()));
    let status = echod.status();
    let missing: Vec<&str> =
        status["listeners_missing"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(missing.len(), 2, "{status}");
    assert!(
        missing[0].starts_with("listener gone is off: ") && missing[0].contains("No such file")
    );
    assert!(missing[1].contains("there is no user \"no-such-user\""), "{missing:?}");
    let mut stream = BufReader::new(patient(UnixStream::connect(echod.path("mine")).unwrap()));
    assert_eq!(heard(&mut stream), "hello\n");

    // Without any other there is nothing to serve.
    let dir = folder("", "[listener.gone]\naddress = \"unix:/nonexistent/x.sock\"\n");
    let mut echod = Echod::launch(Command::new(self::echod()), dir);
    assert_eq!(echod.end().code(), Some(71));
    assert!(echod.log().contains("no other is left"), "{}", echod.log());
}

#[test]
fn several_sockets_of_one_name_and_a_stale_one_taken_over() {
    let dir = folder("", "[listener.echo]\n");
    let bind = |name: &str| {
        let path = dir.path().join(name);
        let socket = UnixListener::bind(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let none = nix::fcntl::FdFlag::empty();
        nix::fcntl::fcntl(&socket, nix::fcntl::FcntlArg::F_SETFD(none)).unwrap();
        socket
    };
    let (one, two) = (bind("one.sock"), bind("two.sock"));
    // Left by a daemon that was killed: nobody answers there.
    drop(UnixListener::bind(dir.path().join("admin.sock")).unwrap());
    let mut command = Command::new(echod());
    let value = format!("echo={},echo={}", one.as_raw_fd(), two.as_raw_fd());
    command.env(daemon::SOCKETS_VARIABLE, value);
    let echod = Echod::launch(command, dir);
    for name in ["one.sock", "two.sock"] {
        let stream = patient(UnixStream::connect(echod.path(name)).unwrap());
        assert_eq!(heard(&mut BufReader::new(stream)), "hello\n");
    }
    assert_eq!(echod.status()["listeners"]["echo"].as_array().unwrap().len(), 2);
}

#[test]
fn a_socket_that_answers_is_left_alone() {
    let dir = folder("", TCP);
    let path = dir.path().join("admin.sock");
    let living = UnixListener::bind(&path).unwrap();
    let mut echod = Echod::launch(Command::new(echod()), dir);
    assert_eq!(echod.end().code(), Some(71));
    assert!(echod.log().contains("another process answers there"), "{}", echod.log());
    UnixStream::connect(&path).unwrap();
    drop(living);
}

#[test]
fn who_comes_by_tcp_can_not_be_told() {
    let mut echod = Echod::start("", &format!("{TCP}peers = [0]\n"));
    assert_eq!(echod.end().code(), Some(78));
    assert!(echod.log().contains("`peers`: peers of a TCP listener can't be told"));
}
