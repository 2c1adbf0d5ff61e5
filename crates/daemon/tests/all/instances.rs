//! Two instances of a daemon, side by side.

use super::*;

/// Starts an instance on a folder that both share.
fn instance(dir: &std::path::Path, name: &str) -> std::process::Child {
    let log = fs::File::create(dir.join(format!("{name}.stderr"))).unwrap();
    let mut command = Command::new(echod());
    command.args(["--instance", name, "--config"]).arg(dir).stderr(log);
    command.stdin(std::process::Stdio::null()).spawn().unwrap()
}

struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn each_has_its_own_file_name_and_sockets_and_a_flood_on_one_spares_the_other() {
    let dir = folder("", TCP);
    let path = dir.path();
    for (name, greeting) in [("mx", "mail"), ("submission", "users")] {
        let tables =
            format!("[listener.echo]\naddress = \"unix:{}/{name}.sock\"\n", path.display());
        write_config(path, &format!("greeting = \"{greeting}\"\n"), &tables);
        let text = fs::read_to_string(path.join("echod.toml")).unwrap();
        let own = text.replace("/admin.sock", &format!("/{name}.admin.sock"));
        fs::write(path.join(format!("echod@{name}.toml")), own).unwrap();
    }
    let (mx, submission) = (Ended(instance(path, "mx")), Ended(instance(path, "submission")));
    let connect = |name: &str| {
        let socket = path.join(format!("{name}.sock"));
        let stream = eventually("its socket", || UnixStream::connect(&socket).ok());
        BufReader::new(patient(stream))
    };
    assert_eq!(heard(&mut connect("mx")), "mail\n");
    // More than the two that are served, and more than would wait for them.
    let flood: Vec<_> = (0..200).map(|_| connect("mx")).collect();
    for _ in 0..20 {
        assert_eq!(heard(&mut connect("submission")), "users\n");
    }
    drop(flood);
    let log = |name: &str| fs::read_to_string(path.join(format!("{name}.stderr"))).unwrap();
    assert!(log("mx").contains("starting echod@mx "), "{}", log("mx"));
    assert!(log("mx").contains(" echod@mx["), "{}", log("mx"));
    let comm = |child: &Ended| fs::read_to_string(format!("/proc/{}/comm", child.0.id())).unwrap();
    assert_eq!((comm(&mx), comm(&submission)), ("echod@mx\n".into(), "echod@submissio\n".into()));
    let mut admin = patient(UnixStream::connect(path.join("submission.admin.sock")).unwrap());
    admin.write_all(b"GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut status = String::new();
    admin.read_to_string(&mut status).unwrap();
    assert!(status.contains("\"name\":\"echod@submission\""), "{status}");
}

#[test]
fn a_name_that_is_a_path_is_refused() {
    let output = Command::new(echod()).args(["--instance", "../x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.starts_with("echod: --instance: an instance's name has"), "{said}");
}
