//! The command line.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

/// Dovetail's command for operators: demo, checks, users, passwords, queue, status.
#[derive(Debug, Parser)]
#[command(name = "dovetail", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// The folder of configuration [default: /etc/dovetail]; for `demo`, files laid over the demo's
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// The folder of configuration.
    pub(crate) fn folder(&self) -> &Path {
        self.config.as_deref().unwrap_or(Path::new(daemon::DEFAULT_FOLDER))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the whole system on loopback and keep it up until Ctrl-C
    Demo(DemoArguments),
    /// Check the configuration, show it, print samples of it
    Config(ConfigArguments),
    /// Make a stored password for a passwd-file, or check one
    Pw(PwArguments),
    /// Ask authd about logins
    Auth(AuthArguments),
    /// Show what the userdb knows of users
    User(UserArguments),
    /// See and change the queue
    Queue(QueueArguments),
    /// Show which daemons run, how they are, and what waits
    Status,
    /// Show every check of the daemons' health; exits 0, 1, 2 or 3 as monitoring plugins do
    Health {
        /// Only this daemon or instance
        name: Option<String>,
    },
    /// Print all daemons' metrics, or serve them to Prometheus
    Metrics(MetricsArguments),
    /// Make systemd's units fit the userdb's uids and the configuration
    Units(UnitsArguments),
    /// List the sessions of every daemon: who, from where, since when, doing what
    Who(WhoArguments),
    /// End sessions, each in its protocol's words; nothing that was acknowledged is lost
    Kick(KickArguments),
    /// Have running daemons take up their configuration, and say what came of it
    Reload(ReloadArguments),
    /// See what holds the daemons, and have them try what they mustn't do
    Sandbox(SandboxArguments),
    /// Show certificates, and copy those that only root may read to the daemons
    Tls(TlsArguments),
    /// Have a daemon log more for a while, or show which ones do
    Debug(DebugArguments),
    /// Write every manual page into a folder: packages are made so
    #[command(hide = true)]
    Man { folder: PathBuf },
}

#[derive(Debug, Args)]
pub(crate) struct UnitsArguments {
    #[command(subcommand)]
    pub(crate) command: UnitsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UnitsCommand {
    /// Enable an lmtpd for each uid that owns mail, name uids that have no name, and open the units'
    /// sandboxes where mail_roots and tls.toml say
    Sync(SyncArguments),
}

#[derive(Debug, Args)]
pub(crate) struct SyncArguments {
    /// The system in this folder, which doesn't run, in place of this one; authd of this one is asked
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Leave the sockets of uids enabled that no user has any more
    #[arg(long)]
    pub(crate) keep: bool,
    /// authd's userdb socket [default: that of lmtpd.toml]
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct WhoArguments {
    /// Only these daemons or instances
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct KickArguments {
    /// A user, a client's address, or one session as `who` lists it: NAME:ID
    #[arg(required = true, value_name = "USER|ADDRESS|NAME:ID")]
    pub(crate) targets: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ReloadArguments {
    /// Only these daemons or instances
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SandboxArguments {
    #[command(subcommand)]
    pub(crate) command: SandboxCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Print which folders and ports each running daemon may use
    Show {
        /// Only these daemons or instances
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Have daemons with `[sandbox] self_test` try what is forbidden; exits with 1 if anything worked
    Test {
        /// Only these daemons or instances
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Keep the data in this folder and take it up again [default: a scratch folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Fixed ports from N on: smtp, submission, submissions, imap, imaps
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=65500))]
    pub(crate) port_base: Option<u16>,
    /// Started as root: who owns the data and what the daemons become
    #[arg(long, value_name = "USER", default_value = "nobody")]
    pub(crate) user: String,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArguments {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say everything that is wrong, of all files at once, without starting anything; as root, try
    /// every path with each daemon's own user and groups
    Check,
    /// Print what the daemons go by, as TOML that loads again
    Show(ShowArguments),
    /// Print a file's sample: every key with its meaning and default
    Sample(SampleArguments),
    /// Try paths as another user: `check` starts this
    #[command(hide = true)]
    TryPaths { user: u32, group: u32, groups: Vec<u32> },
}

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// Files or daemons, with or without .toml [default: all that the folder has]
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Only keys that are set to something else than their default
    #[arg(long)]
    pub(crate) changed: bool,
    /// The defaults, whatever the files say
    #[arg(long, conflicts_with = "changed")]
    pub(crate) defaults: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SampleArguments {
    /// The file, with or without .toml
    #[arg(required_unless_present = "all")]
    pub(crate) file: Option<String>,
    /// Write the samples of all files into this folder, over none that is there
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    pub(crate) all: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PwArguments {
    /// How to store it
    #[arg(short, long, default_value = "BLF-CRYPT")]
    pub(crate) scheme: String,
    /// The password, visible to everybody on this machine meanwhile [default: asked for]
    #[arg(short, long)]
    pub(crate) password: Option<String>,
    /// The scheme's cost: rounds, the logarithm of them (BLF-CRYPT), or passes (ARGON2ID)
    #[arg(short, long)]
    pub(crate) rounds: Option<u32>,
    /// Check a password against this stored one instead
    #[arg(short, long, value_name = "STORED")]
    pub(crate) test: Option<String>,
    /// List the schemes
    #[arg(short, long)]
    pub(crate) list: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AuthArguments {
    #[command(subcommand)]
    pub(crate) command: AuthCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Try a login; without PASSWORD it is read from standard input
    Test {
        /// The user's name as they would type it
        user: String,
        /// Visible to everybody on this machine while the command runs
        password: Option<String>,
        /// What the login is for: imap, smtp …
        #[arg(long, default_value = "dovetail")]
        service: String,
        /// The client's address, as allow_nets looks at it
        #[arg(long, value_name = "ADDRESS")]
        rip: Option<std::net::IpAddr>,
        /// authd's client socket [default: that of authd.toml]
        #[arg(long, value_name = "PATH")]
        socket: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct UserArguments {
    /// Users' names; with `*` or `?` the users of the list that match
    #[arg(required = true, value_name = "USER")]
    pub(crate) users: Vec<String>,
    /// What the look-up is for: imap, lmtp …
    #[arg(long, default_value = "dovetail")]
    pub(crate) service: String,
    /// authd's userdb socket [default: that of authd.toml]
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct MetricsArguments {
    #[command(subcommand)]
    pub(crate) command: Option<MetricsCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MetricsCommand {
    /// Serve them on TCP at /metrics, read only; sockets that systemd passes take --listen's place
    Serve {
        /// Where: "127.0.0.1:9119", "[::1]:9119"
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9119")]
        listen: daemon::SocketAddress,
    },
}

#[derive(Debug, Args)]
pub(crate) struct QueueArguments {
    #[command(subcommand)]
    pub(crate) command: QueueCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// What waits, with the reason of the last try
    List,
    /// One message: envelope, tries, headers
    Show {
        /// The queue id
        id: String,
    },
    /// Try now
    Flush {
        /// The queue id [default: everything]
        id: Option<String>,
    },
    /// Drop messages, without a report to their senders
    Delete {
        /// The queue ids
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct TlsArguments {
    #[command(subcommand)]
    pub(crate) command: TlsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TlsCommand {
    /// The daemons' certificates: names, chain, validity, and what is wrong with them
    Show {
        /// Only those of these daemons, or for these hosts
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Copy certificates and keys to the daemons as tls.toml says
    Copy,
}

#[derive(Debug, Args)]
pub(crate) struct DebugArguments {
    /// The daemon or instance [default: show all]
    pub(crate) name: Option<String>,
    /// [default: show how it is]
    #[arg(value_enum)]
    pub(crate) switch: Option<Switch>,
    /// When it ends by itself, at most 24h [default: 10m]
    #[arg(long = "for", value_name = "TIME", requires = "switch")]
    pub(crate) time: Option<String>,
    /// Only of modules with this word in their path: auth, session, rustls
    #[arg(long, value_name = "WORD", requires = "switch")]
    pub(crate) target: Option<String>,
    /// Level trace instead of debug
    #[arg(long, requires = "switch")]
    pub(crate) trace: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_hold() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
        let cli =
            Cli::try_parse_from(["dovetail", "--config", "/x", "queue", "list", "--json"]).unwrap();
        assert!(cli.json);
        assert_eq!(cli.folder(), Path::new("/x"));
    }
}
