//! One connection, spoken line by line: TCP, TLS or a Unix socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ConfigBuilder, RootCertStore, StreamOwned};

use crate::authority::Issued;
use crate::wait::PATIENCE;

trait Both: Read + Write + Send {}
impl<T: Read + Write + Send> Both for T {}

/// A program that speaks a protocol on its standard input and output.
struct Pipes {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Read for Pipes {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.output.read(buffer)
    }
}

impl Write for Pipes {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.input.write(octets)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.input.flush()
    }
}

impl Drop for Pipes {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The socket below, for what only a socket can do.
enum Raw {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// What came, or that nothing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A line with its end, as it came; without one if the connection closed in the middle.
    Line(Vec<u8>),
    /// The other side closed or reset the connection.
    Closed,
    /// Nothing came within the time.
    Nothing,
}

/// A connection with a reader's buffer, and a protocol of what was said for the failing test's text.
pub struct Line {
    stream: BufReader<Box<dyn Both>>,
    raw: Option<Raw>,
    said: String,
}

impl Line {
    /// Connects to `127.0.0.1:25`-like text.
    pub fn tcp(address: &str) -> Self {
        let stream = connect(address);
        Self::over(Box::new(stream.try_clone().unwrap()), Some(Raw::Tcp(stream)))
    }

    /// Connects if somebody listens.
    pub fn try_tcp(address: &str) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        prepare(&stream);
        Some(Self::over(Box::new(stream.try_clone().ok()?), Some(Raw::Tcp(stream))))
    }

    /// Connects and shakes hands at once (465, 993); the certificate must be good for localhost.
    pub fn tls(address: &str, ca: &str) -> Self {
        let stream = connect(address);
        let raw = stream.try_clone().unwrap();
        Self::over(Box::new(handshake(stream, ca)), Some(Raw::Tcp(raw)))
    }

    /// As [`Line::tls`], with a certificate of the client's own.
    pub fn tls_as(address: &str, ca: &str, own: &Issued) -> Self {
        let chain = CertificateDer::pem_slice_iter(own.chain.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let config = trusting(Path::new(ca)).with_client_auth_cert(chain, key).unwrap();
        let stream = connect(address);
        let raw = stream.try_clone().unwrap();
        Self::over(Box::new(StreamOwned::new(client(config), stream)), Some(Raw::Tcp(raw)))
    }

    /// Connects to a Unix socket.
    pub fn unix(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let stream =
            UnixStream::connect(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self::over(Box::new(stream.try_clone().unwrap()), Some(Raw::Unix(stream)))
    }

    /// Connects to a Unix socket if somebody listens.
    pub fn try_unix(path: impl AsRef<Path>) -> Option<Self> {
        let stream = UnixStream::connect(path).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_write_timeout(Some(PATIENCE)).ok()?;
        Some(Self::over(Box::new(stream.try_clone().ok()?), Some(Raw::Unix(stream))))
    }

    /// Starts a program and speaks to it over its standard input and output.
    pub fn program(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self::over(Box::new(Pipes { child, input, output }), None)
    }

    fn over(stream: Box<dyn Both>, raw: Option<Raw>) -> Self {
        Self { stream: BufReader::new(stream), raw, said: String::new() }
    }

    /// Goes on under TLS, after a STARTTLS that was answered.
    pub fn start_tls(mut self, ca: &str) -> Self {
        let Some(Raw::Tcp(raw)) = self.raw.take() else { panic!("STARTTLS needs TCP") };
        Self {
            said: self.said,
            ..Self::over(Box::new(handshake(raw.try_clone().unwrap(), ca)), Some(Raw::Tcp(raw)))
        }
    }

    /// Sends a line; the CRLF is added.
    pub fn say(&mut self, line: &str) -> &mut Self {
        self.said.push_str(&format!("C: {line}\n"));
        self.raw_bytes(format!("{line}\r\n").as_bytes())
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> &mut Self {
        self.said.push_str(&format!("C: ({} bytes)\n", bytes.len()));
        self.raw_bytes(bytes)
    }

    fn raw_bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let stream = self.stream.get_mut();
        stream
            .write_all(bytes)
            .and_then(|()| stream.flush())
            .unwrap_or_else(|e| panic!("{e} after\n{}", self.said));
        self
    }

    /// Sends bytes, and doesn't mind if the other side has gone. False if it has.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        let first = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let first = String::from_utf8_lossy(first);
        self.said.push_str(&format!("C: {first} ({} bytes)\n", bytes.len()));
        let stream = self.stream.get_mut();
        stream.write_all(bytes).and_then(|()| stream.flush()).is_ok()
    }

    /// Reads a line without its end; `None` when the other side closed or reset the connection.
    pub fn hear(&mut self) -> Option<String> {
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
                self.said.push_str(&format!("S: {text}\n"));
                Some(text)
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("no answer within {PATIENCE:?} after\n{}", self.said)
            }
            Err(_) => None,
        }
    }

    /// Reads one SMTP or LMTP reply, all its lines; the last one is returned.
    pub fn reply(&mut self) -> String {
        loop {
            let line = self.hear().unwrap_or_else(|| panic!("closed after\n{}", self.said));
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    /// Reads one SMTP reply and checks how it begins.
    pub fn expect(&mut self, beginning: &str) -> String {
        let reply = self.reply();
        assert!(reply.starts_with(beginning), "wanted {beginning}, in\n{}", self.said);
        reply
    }

    /// Says a line and checks how the reply begins.
    pub fn ask(&mut self, line: &str, beginning: &str) -> String {
        self.say(line).expect(beginning)
    }

    /// Says an IMAP command and reads to its tagged reply, which must begin so; returns all lines.
    pub fn imap(&mut self, command: &str, beginning: &str) -> Vec<String> {
        let tag = command.split(' ').next().unwrap_or_default().to_owned();
        self.say(command);
        let lines = self.until(|line| line.starts_with(&format!("{tag} ")));
        let wanted = format!("{tag} {beginning}");
        assert!(lines.last().unwrap().starts_with(&wanted), "wanted {wanted}, in\n{}", self.said);
        lines
    }

    /// Reads lines up to the first that is `last`, which is included.
    pub fn until(&mut self, last: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.hear().unwrap_or_else(|| panic!("closed after\n{}", self.said));
            let done = last(&line);
            lines.push(line);
            if done {
                return lines;
            }
        }
    }

    /// Reads and drops whatever comes until the other side closes.
    pub fn until_closed(&mut self) {
        while self.hear().is_some() {}
    }

    /// Closes our direction only.
    pub fn half_close(&mut self) {
        // A server that has closed already can't be told any more.
        let _ = match &self.raw {
            Some(Raw::Tcp(raw)) => raw.shutdown(Shutdown::Write),
            Some(Raw::Unix(raw)) => raw.shutdown(Shutdown::Write),
            None => Ok(()),
        };
    }

    /// How long [`Line::heard`] waits from now on. Failing to set it leaves what was.
    pub fn patience(&mut self, time: Duration) {
        let _ = match &self.raw {
            Some(Raw::Tcp(raw)) => raw.set_read_timeout(Some(time)),
            Some(Raw::Unix(raw)) => raw.set_read_timeout(Some(time)),
            None => Ok(()),
        };
    }

    /// Reads what comes next, as it is, and doesn't mind if nothing does.
    pub fn heard(&mut self) -> Heard {
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line) {
            Ok(_) | Err(_) if !line.is_empty() => {
                self.said.push_str(&format!("S: {}\n", String::from_utf8_lossy(&line).trim_end()));
                Heard::Line(line)
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Heard::Nothing,
            Ok(_) | Err(_) => Heard::Closed,
        }
    }

    /// All that was said on it so far.
    pub fn said(&self) -> &str {
        &self.said
    }
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    prepare(&stream);
    stream
}

fn prepare(stream: &TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
}

/// The certificate that a server shows for localhost; none if it isn't one that a client trusts.
pub(crate) fn shown(address: &str, ca: &Path) -> Option<Vec<u8>> {
    let mut stream = connect(address);
    let mut client = client(trusting(ca).with_no_client_auth());
    client.complete_io(&mut stream).ok()?;
    Some(client.peer_certificates()?.first()?.to_vec())
}

fn handshake(stream: TcpStream, ca: &str) -> StreamOwned<ClientConnection, TcpStream> {
    StreamOwned::new(client(trusting(Path::new(ca)).with_no_client_auth()), stream)
}

fn client(config: ClientConfig) -> ClientConnection {
    let name = ServerName::try_from("localhost").unwrap();
    ClientConnection::new(Arc::new(config), name).unwrap()
}

fn trusting(ca: &Path) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
}
