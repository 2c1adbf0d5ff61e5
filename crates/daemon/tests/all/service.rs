//! What the service manager hears, and pid files.

use super::*;

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
fn a_hanging_process_is_not_vouched_for() {
    let dir = folder("", TCP);
    let path = dir.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut command = Command::new(echod());
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "40000");
    let echod = Echod::launch(command, dir);
    let word = || {
        let mut buffer = [0; 200];
        let length = socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    };
    assert_eq!(word().unwrap(), "READY=1\nSTATUS=0 connections, 0 since the start\n");
    while word().unwrap() != "WATCHDOG=1\n" {}
    echod.signal(Signal::SIGSTOP);
    // What it said before it stopped is still here; then nothing for five times the manager's patience.
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    while word().is_some() {}
    echod.signal(Signal::SIGCONT);
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    while word().unwrap() != "WATCHDOG=1\n" {}
}

#[test]
fn a_pid_file_is_locked_while_it_lives() {
    let dir = folder("", TCP);
    let file = dir.path().join("run.pid");
    let own = format!("pid_file = \"{}\"\n", file.display());
    write_config(dir.path(), &own, TCP);
    let mut first = Echod::launch(Command::new(echod()), dir);
    let pid = first.status()["pid"].to_string();
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{pid}\n"));
    let mut second = Echod::start(&own, TCP);
    assert_eq!(second.end().code(), Some(71));
    let held = format!("the process {pid} runs already under this name");
    assert!(second.log().contains(&held), "{}", second.log());
    first.signal(Signal::SIGTERM);
    assert_eq!(first.end().code(), Some(0));
    assert!(!file.exists() || fs::read_to_string(&file).unwrap().is_empty());

    // systemd's folder goes before the key.
    let dir = folder(&own, TCP);
    let mut command = Command::new(echod());
    command.env("RUNTIME_DIRECTORY", format!("{}:/nonexistent", dir.path().display()));
    let mut third = Echod::launch(command, dir);
    third.status();
    assert!(third.path("echod.pid").exists() && !file.exists());
    third.signal(Signal::SIGKILL);
    third.end();
}
