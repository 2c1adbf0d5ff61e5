//! The smallest daemon: says hello, gives every line back, knows one key of its own. The tests of
//! this crate start it; whoever writes a daemon may start from it.

use std::process::ExitCode;
use std::sync::Arc;

use daemon::{
    Check, Config, Context, Daemon, Error, FileSpec, Histogram, Key, Kind, Manual, Method, Peer,
    Problem, Refusal, Seat, Sessions, Stream, keys,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

struct Echod;

struct Settings {
    greeting: String,
    max_connections: usize,
}

impl Daemon for Echod {
    const NAME: &'static str = "echod";
    type Settings = Settings;

    fn files() -> Vec<FileSpec> {
        let own = [
            Key::new("greeting", Kind::Text, "\"hello\"", "What it says first."),
            Key::new("max_connections", Kind::count(1, 1000), "2", "Connections at a time."),
            keys::max_connections_per_address("0"),
            keys::max_connections_per_user("0"),
            keys::UNLIMITED_NETWORKS,
        ];
        vec![FileSpec::daemon("echod", "gives every line back.", &own)]
    }

    fn manual() -> Manual {
        Manual {
            summary: "gives every line back",
            description: &["It says hello, and then whatever it is told."],
            sockets: &[],
            files: &[],
            see_also: &[],
        }
    }

    fn settings(config: &Config) -> Result<Settings, Vec<Problem>> {
        let greeting = config.text("greeting").to_owned();
        if greeting.is_empty() {
            return Err(vec![config.problem("greeting", "must not be empty")]);
        }
        Ok(Settings { greeting, max_connections: config.count("max_connections") })
    }

    async fn run(settings: Arc<Settings>, mut context: Context<Settings>) -> Result<(), Error> {
        context.admin.figure("greeting_length", || 5);
        let taken = Arc::new(Histogram::new(daemon::SHORT_TIMES));
        context.admin.times("session_seconds", "How long sessions took.", &taken);
        let greeting = context.reload.clone();
        context.admin.check("greeting", move || {
            let rude = greeting.borrow().greeting == "what?";
            async move { if rude { Check::bad("rude") } else { Check::good() } }
        });
        context.admin.route(Method::POST, "/v1/twice/{word}", |request| async move {
            match request.body.as_u64() {
                Some(times) if times < 10 => Ok(request.part("word").repeat(times as usize).into()),
                _ => Err(Refusal::bad_request("how many times?")),
            }
        });
        for listener in context.take_listeners() {
            let (reload, sessions) = (context.reload.clone(), context.sessions.clone());
            let taken = Arc::clone(&taken);
            context.serve(listener, settings.max_connections, move |stream, peer| {
                let (settings, sessions) = (Arc::clone(&reload.borrow()), sessions.clone());
                let (taken, began) = (Arc::clone(&taken), std::time::Instant::now());
                async move {
                    let _ = admit(stream, peer, settings, sessions).await;
                    taken.observe(began.elapsed());
                }
            });
        }
        context.shutdown.cancelled().await;
        Ok(())
    }
}

/// Whoever is one too many hears so before anything else is done.
async fn admit(
    mut stream: Stream,
    peer: Peer,
    settings: Arc<Settings>,
    sessions: Sessions,
) -> std::io::Result<()> {
    match sessions.enter("echo", &peer) {
        Ok(seat) => echo(stream, settings, seat).await,
        Err(_) => stream.write_all(b"busy\n").await,
    }
}

async fn echo(mut stream: Stream, settings: Arc<Settings>, seat: Seat) -> std::io::Result<()> {
    tracing::info!(client = %seat.peer(), "connected");
    stream.write_all(format!("{}\n", settings.greeting).as_bytes()).await?;
    let mut lines = BufReader::new(stream);
    let (mut line, mut stays) = (String::new(), false);
    loop {
        seat.state("idle");
        line.clear();
        let read = tokio::select! {
            read = lines.read_line(&mut line) => read?,
            () = seat.shutdown().cancelled(), if !stays => return Ok(()),
            () = seat.kicked().cancelled() => return lines.write_all(b"kicked\n").await,
        };
        seat.state("echo");
        match line.trim_end().split_once(' ') {
            _ if read == 0 => return Ok(()),
            None if line == "panic\n" => give_up(),
            None if line == "stay\n" => stays = true,
            Some(("user", name)) => {
                if let Err(why) = seat.user(name) {
                    line = format!("{why}\n");
                }
            }
            _ => {}
        }
        lines.write_all(line.as_bytes()).await?;
    }
}

#[expect(clippy::panic, reason = "the test of it: a panic costs this connection only")]
fn give_up() {
    panic!("asked to");
}

fn main() -> ExitCode {
    daemon::main::<Echod>()
}
