//! A mail server of the outside world, as far as tests need one: it can be dead, alive, or refuse.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use socket2::{Domain, Socket, Type};

/// What the server took in: one entry a message.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    /// The MAIL line.
    pub mail: String,
    /// The RCPT lines that it said 250 to.
    pub rcpts: Vec<String>,
    /// The content, dots taken off.
    pub content: String,
}

/// A port that refuses connections until it is brought to life: the port is ours all the time.
#[derive(Debug)]
pub struct DeadPort {
    socket: Socket,
    address: SocketAddr,
}

impl DeadPort {
    /// Takes a port of loopback and doesn't listen on it.
    pub fn reserve() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        Self { socket, address }
    }

    /// `[127.0.0.1]:PORT`, as a route has it.
    pub fn route(&self) -> String {
        format!("[127.0.0.1]:{}", self.address.port())
    }

    /// Begins to listen and to take mail in.
    pub fn revive(self) -> Sink {
        self.socket.listen(64).unwrap();
        Sink::serve(TcpListener::from(self.socket))
    }
}

/// A server that takes all mail but for recipients whose address begins with `refused`.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Sink {
    /// One on a port of its own.
    pub fn start() -> Self {
        Self::serve(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
    }

    fn serve(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&taken);
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || converse(&stream, &kept));
            }
        });
        Self { address, taken }
    }

    /// `[127.0.0.1]:PORT`, as a route has it.
    pub fn route(&self) -> String {
        format!("[127.0.0.1]:{}", self.address.port())
    }

    /// What it has taken so far.
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }
}

/// One session; it ends at the first I/O error, which is the client's leaving.
fn converse(stream: &TcpStream, kept: &Mutex<Vec<Taken>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let say = |text: &str| (&*stream).write_all(format!("{text}\r\n").as_bytes()).ok();
    say("220 sink.test ESMTP")?;
    let mut message = Taken::default();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        match line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => say(
                "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 100000000\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES",
            )?,
            "MAIL" => {
                message = Taken { mail: line, ..Taken::default() };
                say("250 2.1.0 Ok")?;
            }
            "RCPT" if line.to_ascii_lowercase().contains("<refused") => {
                say("550 5.1.1 no such user here")?;
            }
            "RCPT" => {
                message.rcpts.push(line);
                say("250 2.1.5 Ok")?;
            }
            "DATA" if message.rcpts.is_empty() => say("554 5.5.1 no valid recipients")?,
            "DATA" => {
                say("354 go")?;
                message.content = content(&mut reader)?;
                kept.lock().unwrap().push(std::mem::take(&mut message));
                say("250 2.0.0 Ok: taken")?;
            }
            "QUIT" => return say("221 2.0.0 Bye"),
            _ => say("250 2.0.0 Ok")?,
        }
    }
}

fn content(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut text = String::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        if line == ".\r\n" {
            return Some(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
