//! The smallest daemon: says hello, gives every line back, knows one key of its own. The tests of
//! this crate start it; whoever writes a daemon may start from it.

use std::process::ExitCode;
use std::sync::Arc;

use daemon::{
    Check, Config, Context, Daemon, Error, FileSpec, Histogram, Key, Kind, Method, Peer, Problem,
    Refusal, Stream,
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
        ];
        vec![FileSpec::daemon("echod", "gives every line back.", &own)]
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
            let (reload, shutdown) = (context.reload.clone(), context.shutdown.clone());
            let taken = Arc::clone(&taken);
            context.serve(listener, settings.max_connections, move |stream, peer| {
                let (settings, shutdown) = (Arc::clone(&reload.borrow()), shutdown.clone());
                let (taken, began) = (Arc::clone(&taken), std::time::Instant::now());
                async move {
                    tokio::select! {
                        _ = echo(stream, peer, settings) => {}
                        () = shutdown.cancelled() => {}
                    }
                    taken.observe(began.elapsed());
                }
            });
        }
        context.shutdown.cancelled().await;
        Ok(())
    }
}

async fn echo(mut stream: Stream, peer: Peer, settings: Arc<Settings>) -> std::io::Result<()> {
    tracing::info!(client = %peer, "connected");
    stream.write_all(format!("{}\n", settings.greeting).as_bytes()).await?;
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while lines.read_line(&mut line).await? > 0 {
        if line == "panic\n" {
            give_up();
        }
        lines.write_all(line.as_bytes()).await?;
        line.clear();
    }
    Ok(())
}

#[expect(clippy::panic, reason = "the test of it: a panic costs this connection only")]
fn give_up() {
    panic!("asked to");
}

fn main() -> ExitCode {
    daemon::main::<Echod>()
}
