//! lmtpd in a scratch folder of its own, as the ordinary user `nobody` where the test runs as root.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::{Line, eventually};

pub(crate) struct Stage {
    folder: tempfile::TempDir,
    child: Child,
}

impl Stage {
    /// `config` is put to lmtpd.toml.
    pub(crate) fn new(config: &str) -> Self {
        Self::with_mail(config, "")
    }

    /// The same with `mail` in mail.toml. In both `{root}` is the folder that homes lie in.
    pub(crate) fn with_mail(config: &str, mail: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("dv-lmtpd").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let vmail = folder.path().join("vmail");
        fs::create_dir(&vmail).unwrap();
        userdb(&folder.path().join("userdb"), vmail.clone());
        let mut own = String::new();
        if let Some(nobody) = nobody() {
            std::os::unix::fs::chown(&vmail, Some(nobody), None).unwrap();
            own = "user = \"nobody\"\ngroups = []\n".to_owned();
        }
        let at = |name: &str| folder.path().join(name).display().to_string();
        let text = format!(
            "{own}auth_userdb = \"{}\"\ninstances = \"{}\"\nfront = {}\n{}\n[listener.lmtp]\naddress = \"unix:{}\"\nmode = \"0666\"\n\
             [listener.admin]\naddress = \"unix:{}\"\n",
            at("userdb"),
            at("i-%i"),
            nobody().unwrap_or_else(|| daemon::users::own_ids().0),
            config.replace("{root}", &at("vmail")),
            at("lmtp"),
            at("admin"),
        );
        fs::write(folder.path().join("lmtpd.toml"), text).unwrap();
        let mail = mail.replace("{root}", &at("vmail"));
        fs::write(folder.path().join("mail.toml"), mail).unwrap();
        let domains = "hostname = \"mx.test\"\nmessage_size_limit = 3000000\n";
        fs::write(folder.path().join("domains.toml"), domains).unwrap();
        let child = launch(folder.path());
        let stage = Self { folder, child };
        stage.wait();
        stage
    }

    /// Starts a uid's instance on a socket that goes on listening when it ends, as systemd does.
    pub(crate) fn instance(&self, uid: u32) -> Instance {
        let path = self.path(&format!("i-{uid}"));
        let socket = UnixListener::bind(&path).unwrap();
        if let Some(nobody) = nobody() {
            std::os::unix::fs::chown(&path, Some(nobody), None).unwrap();
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let mut instance = Instance { uid, folder: self.folder.path().into(), socket, child: None };
        instance.start();
        instance
    }

    /// A home that belongs to this uid; root alone can make one.
    pub(crate) fn home(&self, user: &str, uid: u32) -> PathBuf {
        let home = self.path("vmail").join(user);
        fs::create_dir(&home).unwrap();
        std::os::unix::fs::chown(&home, Some(uid), Some(uid)).unwrap();
        home
    }

    fn wait(&self) {
        let socket = self.path("lmtp");
        eventually("lmtpd's socket", || UnixStream::connect(&socket).ok());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A connection on which the greeting was heard and LHLO said.
    pub(crate) fn line(&self) -> Line {
        let mut line = Line::unix(self.path("lmtp"));
        line.expect("220 ");
        line.ask("LHLO client.test", "250 ");
        line
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn maildir(&self, user: &str) -> PathBuf {
        self.path("vmail").join(user).join("Maildir")
    }

    /// The messages in `new/` and `cur/` of a Maildir folder, by file name.
    pub(crate) fn messages(&self, user: &str, mailbox: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for part in ["new", "cur"] {
            let folder = self.maildir(user).join(mailbox).join(part);
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                let bytes = fs::read(entry.path()).unwrap();
                found.push((name, String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
        found.sort();
        found
    }

    /// The log's first line with that text. Lines are written a moment after what they tell.
    pub(crate) fn logged(&self, text: &str) -> String {
        let path = self.path("stderr");
        eventually(text, || {
            let log = fs::read_to_string(&path).ok()?;
            log.lines().find(|line| line.contains(text)).map(str::to_owned)
        })
    }

    /// Ends it without warning, and starts it anew.
    pub(crate) fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = launch(self.folder.path());
        self.wait();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An instance, which ends with the test.
pub(crate) struct Instance {
    pub(crate) uid: u32,
    folder: PathBuf,
    socket: UnixListener,
    child: Option<Child>,
}

impl Instance {
    pub(crate) fn start(&mut self) {
        let name = format!("stderr-{}", self.uid);
        let log = fs::File::options().create(true).append(true).open(self.folder.join(name));
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "exec 3<&0 0</dev/null; exec \"$@\"", "sh"]);
        command.arg(env!("CARGO_BIN_EXE_lmtpd")).arg("--config").arg(&self.folder);
        command.args(["--instance", &self.uid.to_string()]);
        command.env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", "lmtp").stderr(log.unwrap());
        command.stdin(OwnedFd::from(self.socket.try_clone().unwrap()));
        if nobody().is_some() {
            command.uid(self.uid).gid(self.uid);
        }
        self.child = Some(command.spawn().unwrap());
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Waits until it has ended by itself; its exit status.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        eventually("the instance's end", || child.try_wait().unwrap()).code()
    }

    /// The log's first line with that text.
    pub(crate) fn logged(&self, text: &str) -> String {
        let path = self.folder.join(format!("stderr-{}", self.uid));
        eventually(text, || {
            let log = fs::read_to_string(&path).ok()?;
            log.lines().find(|line| line.contains(text)).map(str::to_owned)
        })
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

fn launch(folder: &Path) -> Child {
    let log = fs::File::options().create(true).append(true).open(folder.join("stderr")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lmtpd"));
    command.arg("--config").arg(folder).stderr(log).stdin(Stdio::null());
    command.spawn().unwrap()
}

/// The uid of `nobody`, if the test runs as root.
pub(crate) fn nobody() -> Option<u32> {
    let (own, _) = daemon::users::own_ids();
    (own == 0).then(|| daemon::users::uid("nobody").unwrap())
}

/// authd's userdb. `nobody…` is unknown, `fail…` can't be told, `root…` has a foreign uid, `out…` lives
/// elsewhere, `mail…` has mail in a place of its own, `u1001-…` is uid 1001's; everybody else has a home.
fn userdb(path: &Path, vmail: PathBuf) {
    let listener = UnixListener::bind(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let vmail = vmail.clone();
            std::thread::spawn(move || answer(&stream, &vmail));
        }
    });
}

/// `u1001-bob` is uid 1001's.
fn uid_of(name: &str) -> Option<u32> {
    name.strip_prefix('u')?.split_once('-')?.0.parse().ok()
}

fn answer(mut stream: &UnixStream, vmail: &Path) -> Option<()> {
    stream.write_all(b"VERSION\t1\t1\nSPID\t1\n").ok()?;
    for line in BufReader::new(stream).lines() {
        let line = line.ok()?;
        let mut fields = line.split('\t');
        if fields.next() != Some("USER") {
            continue;
        }
        let (id, user) = (fields.next()?, fields.next()?.to_lowercase());
        let name = user.split('@').next()?;
        let home = vmail.join(name);
        let reply = match name {
            _ if name.starts_with("nobody") => format!("NOTFOUND\t{id}\n"),
            _ if name.starts_with("fail") => format!("FAIL\t{id}\n"),
            _ if name.starts_with("root") => {
                format!("USER\t{id}\t{user}\tuid=4294967294\thome={}\n", home.display())
            }
            _ if name.starts_with("out") => format!("USER\t{id}\t{user}\thome=/nonexistent/home\n"),
            _ if uid_of(name).is_some() => {
                let (uid, home) = (uid_of(name)?, home.display());
                format!("USER\t{id}\t{user}\tuid={uid}\tgid={}\thome={home}\n", uid.max(1))
            }
            _ if name.starts_with("mail") => {
                let place = vmail.join("apart").join(name);
                let (home, place) = (home.display(), place.display());
                format!("USER\t{id}\t{user}\thome={home}\tmail=maildir:{place}\n")
            }
            _ => format!("USER\t{id}\t{user}\thome={}\n", home.display()),
        };
        stream.write_all(reply.as_bytes()).ok()?;
    }
    Some(())
}
