//! smtpd in this process, with its stand-ins, in a scratch folder that goes with it.

use std::path::PathBuf;
use std::sync::Arc;

use daemon::{CancellationToken, Config, Daemon as _, Peer, Sessions, Stream};
use smtpd::Smtpd;
use smtpd::figures::Figures;
use smtpd::settings::Settings;
use smtpd::site::Site;
use support::Line;

use crate::fakes::{self, Heard};

/// What differs from one test to the next.
#[derive(Default)]
pub(crate) struct Setup {
    /// Lines for `smtpd.toml`.
    pub(crate) config: String,
    /// Lines of the virtual alias table.
    pub(crate) aliases: String,
    /// Daemons that aren't there: `authd`, `lmtpd`, `qmgrd`.
    pub(crate) away: Vec<String>,
    /// Whose programs come by Unix sockets; this test's user's if not said.
    pub(crate) uid: Option<u32>,
}

/// smtpd and what is around it.
pub(crate) struct Stage {
    pub(crate) lmtpd: Arc<Heard>,
    pub(crate) qmgrd: Arc<Heard>,
    pub(crate) figures: Arc<Figures>,
    uid: Option<u32>,
    folder: tempfile::TempDir,
    site: Arc<Site>,
    runtime: tokio::runtime::Runtime,
    shutdown: CancellationToken,
}

impl Stage {
    pub(crate) fn new(setup: &Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let is_there = |name: &str| !setup.away.iter().any(|away| away == name);
        let start = |name: &str| match is_there(name) {
            true => fakes::lmtp(&at(name)),
            false => Arc::default(),
        };
        let (lmtpd, qmgrd) = (start("lmtpd"), start("qmgrd"));
        if is_there("authd") {
            fakes::userdb(&at("userdb"));
            fakes::logins(&at("logins"));
        }
        std::fs::write(at("virtual"), &setup.aliases).unwrap();
        let settings = Self::settings(&at, &setup.config);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let figures = Arc::new(Figures::default());
        let site = Site::new(Arc::new(settings), Arc::clone(&figures));
        let shutdown = CancellationToken::new();
        Self { lmtpd, qmgrd, figures, uid: setup.uid, folder, site, runtime, shutdown }
    }

    fn settings(at: &dyn Fn(&str) -> PathBuf, extra: &str) -> Settings {
        let key = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        std::fs::write(at("cert.pem"), key.cert.pem()).unwrap();
        std::fs::write(at("key.pem"), key.signing_key.serialize_pem()).unwrap();
        let path = |name: &str| at(name).display().to_string();
        let listeners = "[listener.smtp]\naddress = \"127.0.0.1:0\"\ntls = \"starttls\"\n\
            [listener.submission]\naddress = \"127.0.0.1:0\"\nrole = \"submission\"\ntls = \"starttls\"\n\
            [listener.submissions]\naddress = \"127.0.0.1:0\"\nrole = \"submission\"\ntls = \"implicit\"\n\
            [listener.internal]\naddress = \"unix:/internal\"\nrole = \"internal\"\n\
            [listener.sendmail]\naddress = \"unix:/sendmail\"\nrole = \"sendmail\"\n";
        let text = format!(
            "{extra}\nauth_client = \"{}\"\nauth_userdb = \"{}\"\nlmtp = \"{}\"\nqueue = \"{}\"\n\
             virtual_alias_maps = [\"{}\"]\nscratch = \"{}\"\n{listeners}\
             [tls]\ncertificate = \"{}\"\nkey = \"{}\"\n",
            path("logins"),
            path("userdb"),
            path("lmtpd"),
            path("qmgrd"),
            path("virtual"),
            path(""),
            path("cert.pem"),
            path("key.pem"),
        );
        let domains = "hostname = \"mx.test\"\nmailbox_domains = [\"vmail.test\", \"two.test\"]\n\
            postmaster = \"root@vmail.test\"\nmessage_size_limit = 200000\n";
        let texts = [("smtpd", text.as_str()), ("domains", domains)];
        Config::from_texts("smtpd", &Smtpd::files(), &texts)
            .and_then(|config| Smtpd::settings(&config))
            .unwrap()
    }

    /// The certificate that clients believe.
    pub(crate) fn ca(&self) -> String {
        self.folder.path().join("cert.pem").display().to_string()
    }

    /// Connects a client to the listener of that name.
    pub(crate) fn connect(&self, name: &str) -> Line {
        let listeners = &self.site.settings.listeners;
        let listen = listeners.iter().find(|listen| listen.name == name).unwrap().clone();
        let (site, sessions) = (Arc::clone(&self.site), Sessions::new(self.shutdown.clone()));
        if name == "internal" || name == "sendmail" {
            let path = self.folder.path().join(format!("internal{:?}", std::time::Instant::now()));
            let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
            let line = Line::unix(&path);
            let (stream, _) = listener.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            let given = self.uid;
            self.runtime.spawn(async move {
                let stream = tokio::net::UnixStream::from_std(stream).unwrap();
                let own = stream.peer_cred().unwrap().uid();
                let peer = Peer { uid: Some(given.unwrap_or(own)), ..Peer::default() };
                smtpd::serve(site, listen, Stream::from(stream), peer, sessions).await;
            });
            return line;
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        let accepted = std::thread::spawn(move || listener.accept().unwrap());
        let runtime = self.runtime.handle().clone();
        let served = std::thread::spawn(move || {
            let (stream, remote) = accepted.join().unwrap();
            stream.set_nonblocking(true).unwrap();
            stream.set_nodelay(true).unwrap();
            let peer = Peer { remote: Some(remote), local: Some(local), ..Peer::default() };
            runtime.spawn(async move {
                let stream = tokio::net::TcpStream::from_std(stream).unwrap();
                smtpd::serve(site, listen, Stream::from(stream), peer, sessions).await;
            });
        });
        let line = if name == "submissions" {
            Line::tls(&local.to_string(), &self.ca())
        } else {
            Line::tcp(&local.to_string())
        };
        served.join().unwrap();
        line
    }

    pub(crate) fn remove_aliases(&self) {
        std::fs::remove_file(self.folder.path().join("virtual")).unwrap();
    }

    /// Changes the alias table under smtpd's feet.
    pub(crate) fn write_aliases(&self, text: &str) {
        std::fs::write(self.folder.path().join("virtual"), text).unwrap();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}
