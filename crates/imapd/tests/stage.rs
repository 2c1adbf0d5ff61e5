//! imapd in this process, with a stand-in for authd, in a scratch folder that goes with it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use daemon::{CancellationToken, Config, Daemon as _, Peer, Sessions, Stream};
use imapd::{Doors, Imapd, Settings};
use support::Line;

/// imapd and what is around it. Users: whoever says `secret`; `elsewhere` has its mail under another
/// uid, `outside` outside of the mail root, `lost` is unknown to the userdb.
pub(crate) struct Stage {
    folder: tempfile::TempDir,
    doors: Arc<Doors>,
    settings: Arc<Settings>,
    runtime: tokio::runtime::Runtime,
    pub(crate) shutdown: CancellationToken,
    delivered: AtomicU32,
}

const MAIL: &str = "[mailbox.Drafts]\nspecial_use = \"\\\\Drafts\"\nauto = \"create\"\n\
    [mailbox.Sent]\nspecial_use = \"\\\\Sent\"\nauto = \"subscribe\"\n";

impl Stage {
    pub(crate) fn new(extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("vmail")).unwrap();
        authd(&at("logins"), &at("userdb"), &at("vmail"));
        let settings = Arc::new(settings(&at, extra));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let shutdown = CancellationToken::new();
        let doors = Arc::new(Doors::new(Sessions::new(shutdown.clone())).unwrap());
        Self { folder, doors, settings, runtime, shutdown, delivered: AtomicU32::new(0) }
    }

    pub(crate) fn ca(&self) -> String {
        self.folder.path().join("cert.pem").display().to_string()
    }

    /// Where something of the stage lies.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A client on the listener so named, as if it came from that address.
    pub(crate) fn connect_from(&self, listener: &str, from: Option<&str>) -> Line {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let local = socket.local_addr().unwrap();
        let (doors, settings) = (Arc::clone(&self.doors), Arc::clone(&self.settings));
        let (name, runtime) = (listener.to_owned(), self.runtime.handle().clone());
        let from = from.map(|from| from.parse().unwrap());
        let served = std::thread::spawn(move || {
            let (stream, remote) = socket.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            stream.set_nodelay(true).unwrap();
            let remote = from.unwrap_or(remote);
            let peer = Peer { remote: Some(remote), local: Some(local), ..Peer::default() };
            runtime.spawn(async move {
                let stream = tokio::net::TcpStream::from_std(stream).unwrap();
                doors.admit(&name, settings, Stream::from(stream), peer).await;
            });
        });
        let line = match listener {
            "imaps" => Line::tls(&local.to_string(), &self.ca()),
            _ => Line::tcp(&local.to_string()),
        };
        served.join().unwrap();
        line
    }

    pub(crate) fn connect(&self) -> Line {
        self.connect_from("imap", None)
    }

    /// A client that has logged in as that user.
    pub(crate) fn log_in(&self, user: &str) -> Line {
        let mut line = self.connect();
        line.hear();
        line.imap(&format!("in LOGIN {user} secret"), "OK");
        line
    }

    /// A user's Maildir.
    pub(crate) fn maildir(&self, user: &str) -> PathBuf {
        self.folder.path().join("vmail").join(user).join("Maildir")
    }

    /// Puts a message into a user's INBOX as a delivery does: through tmp/ into new/.
    pub(crate) fn deliver(&self, user: &str, message: &[u8]) {
        let maildir = self.maildir(user);
        for folder in ["tmp", "new", "cur"] {
            std::fs::create_dir_all(maildir.join(folder)).unwrap();
        }
        let number = self.delivered.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}.M{number}P1.test", 1_795_548_000 + number);
        let file = maildir.join("tmp").join(&name);
        std::fs::write(&file, message).unwrap();
        std::fs::rename(file, maildir.join("new").join(&name)).unwrap();
    }
}

fn settings(at: &dyn Fn(&str) -> PathBuf, extra: &str) -> Settings {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    std::fs::write(at("cert.pem"), key.cert.pem()).unwrap();
    std::fs::write(at("key.pem"), key.signing_key.serialize_pem()).unwrap();
    let path = |name: &str| at(name).display().to_string();
    let text = format!(
        "{extra}\nauth_client = \"{}\"\nauth_userdb = \"{}\"\n\
         [listener.imap]\naddress = \"127.0.0.1:0\"\ntls = \"starttls\"\n\
         [listener.imaps]\naddress = \"127.0.0.1:0\"\ntls = \"implicit\"\n\
         [tls]\ncertificate = \"{}\"\nkey = \"{}\"\n",
        path("logins"),
        path("userdb"),
        path("cert.pem"),
        path("key.pem"),
    );
    let mail = format!("mail_roots = [\"{}\"]\n{MAIL}", path("vmail"));
    let texts = [("imapd", text.as_str()), ("mail", mail.as_str())];
    Config::from_texts("imapd", &Imapd::files(), &texts)
        .and_then(|config| Imapd::settings(&config))
        .unwrap()
}

fn authd(logins: &Path, userdb: &Path, root: &Path) {
    let hello = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t1\nCUID\t1\n\
        COOKIE\t0123456789abcdef0123456789abcdef\nDONE\n";
    serve_lines(logins, hello, |line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let response = line.split("\tresp=").nth(1);
        match (fields.as_slice(), response) {
            (["AUTH", id, ..], None) => format!("CONT\t{id}\t\n"),
            (["AUTH", id, ..], Some(response)) => verdict(id, response),
            (["CONT", id, response, ..], _) => verdict(id, response),
            _ => String::new(),
        }
    });
    let (root, own) = (root.display().to_string(), nix::unistd::Uid::effective().as_raw());
    serve_lines(userdb, "VERSION\t1\t1\nSPID\t1\n", move |line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let ["USER", id, user, ..] = fields.as_slice() else { return String::new() };
        let uid = if *user == "elsewhere" { own + 1 } else { own };
        match *user {
            "lost" => format!("NOTFOUND\t{id}\n"),
            "outside" => format!("USER\t{id}\toutside\tuid={uid}\thome=/etc\n"),
            user => format!("USER\t{id}\t{user}\tuid={uid}\tgid=0\thome={root}/{user}\n"),
        }
    });
}

fn verdict(id: &str, response: &str) -> String {
    let decoded = base64::engine::general_purpose::STANDARD.decode(response).unwrap_or_default();
    let text = String::from_utf8_lossy(&decoded).into_owned();
    let parts: Vec<&str> = text.split('\0').collect();
    let [_, user, password] = parts.as_slice() else { return format!("FAIL\t{id}\n") };
    match (*user, *password) {
        ("nologin", "secret") => format!("OK\t{id}\tuser={user}\tnologin\treason=maintenance\n"),
        (_, "secret") => format!("OK\t{id}\tuser={user}\n"),
        (_, "later") => format!("FAIL\t{id}\tuser={user}\ttemp\tcode=temp_fail\n"),
        _ => format!("FAIL\t{id}\tuser={user}\n"),
    }
}

fn serve_lines(
    path: &Path,
    hello: &'static str,
    answer: impl Fn(&str) -> String + Send + Sync + 'static,
) {
    let listener = UnixListener::bind(path).unwrap();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || -> std::io::Result<()> {
                let mut out = stream.try_clone()?;
                out.write_all(hello.as_bytes())?;
                for line in BufReader::new(stream).lines() {
                    out.write_all(answer(&line?).as_bytes())?;
                }
                Ok(())
            });
        }
    });
}
