//! What authd.toml comes to.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use daemon::{Config, Peer, Problem, Table};
use sasl::Mechanism;
use userdb::directory::{DirectoryConfig, PassdbConfig, UserdbConfig, UserdbDriver};
use userdb::scheme::Scheme;
use userdb::{FieldTemplates, NameRules, SystemOwners, Template};

use crate::given::LogPasswords;

/// All settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The mechanisms on offer.
    pub mechanisms: Vec<Mechanism>,
    /// Names and databases.
    pub directory: DirectoryConfig,
    /// How long a failure waits for its answer.
    pub failure_delay: Duration,
    /// What of refused logins' passwords is logged.
    pub log_passwords: LogPasswords,
    /// How many passwords are hashed at a time.
    pub hash_threads: usize,
    /// How many logins wait for a hash or have one.
    pub hash_queue: usize,
    /// How long a login waits for a place in the queue.
    pub hash_wait: Duration,
    /// Connections at a time, for each listener.
    pub max_connections: usize,
    /// What each listener is for.
    pub listeners: HashMap<String, Listening>,
}

/// What is asked on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Whether a login is good.
    Client,
    /// Who a user is.
    Userdb,
}

/// A listener's settings that are authd's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listening {
    /// What is asked here.
    pub role: Role,
    /// Its mode is 0666, so everybody may connect.
    pub open_to_all: bool,
}

impl Listening {
    /// The one uid that this peer may ask about; `None`: all.
    pub(crate) fn only_for(self, peer: &Peer) -> Option<u32> {
        let ours = nix::unistd::geteuid().as_raw();
        peer.uid.filter(|&uid| self.open_to_all && uid != ours && uid != 0)
    }
}

pub(crate) fn read(config: &Config) -> Result<Settings, Vec<Problem>> {
    let mut reader = Reader { problems: Vec::new() };
    let passdbs = sorted(config.tables("passdb"));
    let userdbs = sorted(config.tables("userdb"));
    let settings = Settings {
        mechanisms: reader.mechanisms(config),
        directory: DirectoryConfig {
            names: NameRules {
                default_realm: config.text("default_realm").into(),
                username_chars: config.text("username_chars").into(),
                username_format: reader.template(config, "username_format"),
            },
            passdbs: passdbs.into_iter().map(|table| reader.passdb(table)).collect(),
            userdbs: userdbs.into_iter().map(|table| reader.userdb(table)).collect(),
        },
        failure_delay: config.duration("failure_delay"),
        log_passwords: LogPasswords::from_word(config.text("log_passwords")),
        hash_threads: hash_threads(config),
        hash_queue: config.count("hash_queue"),
        hash_wait: config.duration("hash_wait"),
        max_connections: config.count("max_connections"),
        listeners: reader.listeners(config),
    };
    reader.combination(config, &settings);
    if reader.problems.is_empty() { Ok(settings) } else { Err(reader.problems) }
}

fn sorted(tables: &[Table]) -> Vec<&Table> {
    let mut tables: Vec<&Table> = tables.iter().collect();
    tables.sort_by_key(|table| table.integer("order"));
    tables
}

fn hash_threads(config: &Config) -> usize {
    match config.opt_integer("hash_threads") {
        Some(threads) => usize::try_from(threads).unwrap_or(1),
        None => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
    }
}

/// Collects all problems instead of stopping at the first.
struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn wrong(&mut self, table: &Table, key: &str, message: impl ToString) {
        self.problems.push(table.problem(key, message.to_string()));
    }

    fn mechanisms(&mut self, config: &Config) -> Vec<Mechanism> {
        let mut mechanisms = Vec::new();
        for name in config.texts("mechanisms") {
            mechanisms
                .extend(Mechanism::from_name(&name).filter(|found| !mechanisms.contains(found)));
        }
        if mechanisms.is_empty() {
            // Postfix's smtpd dies when there is none.
            self.wrong(config, "mechanisms", "at least one is needed");
        }
        mechanisms
    }

    fn template(&mut self, table: &Table, key: &str) -> Template {
        let text = table.text(key);
        Template::parse(text).unwrap_or_else(|error| {
            self.wrong(table, key, error);
            Template::literal(text)
        })
    }

    fn fields(&mut self, table: &Table, key: &str) -> FieldTemplates {
        let text = table.opt_text(key).unwrap_or_default();
        let mut fields = FieldTemplates::parse(text).unwrap_or_else(|error| {
            self.wrong(table, key, error);
            FieldTemplates::default()
        });
        if let Err(error) = fields.resolve_owners(&mut SystemOwners::default()) {
            self.wrong(table, key, error);
        }
        fields
    }

    /// A path with variables.
    fn path(&mut self, table: &Table) -> Template {
        match table.opt_text("path") {
            Some(_) => self.template(table, "path"),
            None => {
                self.wrong(table, "path", "a passwd-file needs one");
                Template::literal("")
            }
        }
    }

    fn passdb(&mut self, table: &Table) -> PassdbConfig {
        let name = table.text("scheme");
        let scheme = Scheme::from_name(name).unwrap_or_else(|| {
            let known: Vec<_> = Scheme::all().map(Scheme::name).collect();
            self.wrong(table, "scheme", format!("unknown; known are {}", known.join(", ")));
            Scheme::Crypt
        });
        PassdbConfig {
            name: table.name().into(),
            path: self.path(table),
            scheme,
            username_format: self.template(table, "username_format"),
            default_fields: self.fields(table, "default_fields"),
            override_fields: self.fields(table, "override_fields"),
        }
    }

    fn userdb(&mut self, table: &Table) -> UserdbConfig {
        let is_static = table.text("driver") == "static";
        let strays: &[&str] =
            if is_static { &["path", "username_format"] } else { &["fields", "allow_all_users"] };
        for key in strays.iter().filter(|key| table.is_set(key)) {
            self.wrong(table, key, format!("has no meaning for driver {}", table.text("driver")));
        }
        let driver = if is_static {
            let fields = self.fields(table, "fields");
            UserdbDriver::Static { fields, allow_all_users: table.boolean("allow_all_users") }
        } else {
            let path = self.path(table);
            UserdbDriver::PasswdFile {
                path,
                username_format: self.template(table, "username_format"),
            }
        };
        UserdbConfig {
            name: table.name().into(),
            driver,
            default_fields: self.fields(table, "default_fields"),
            override_fields: self.fields(table, "override_fields"),
        }
    }

    fn listeners(&mut self, config: &Config) -> HashMap<String, Listening> {
        let mut listeners = HashMap::new();
        for table in config.tables("listener").iter().filter(|table| table.name() != "admin") {
            let role = match table.opt_text("role").unwrap_or_else(|| table.name()) {
                "client" => Role::Client,
                "userdb" => Role::Userdb,
                _ => {
                    self.wrong(table, "role", "say client or userdb: the name says neither");
                    continue;
                }
            };
            let open_to_all = table.mode("mode") == 0o666;
            listeners.insert(table.name().into(), Listening { role, open_to_all });
        }
        listeners
    }

    fn combination(&mut self, config: &Config, settings: &Settings) {
        let has = |role| settings.listeners.values().any(|listening| listening.role == role);
        if settings.listeners.is_empty() {
            self.problems.push(config.problem_here(
                "no listener: set [listener.client] for logins, [listener.userdb] for look-ups",
            ));
        }
        if settings.directory.passdbs.is_empty() && has(Role::Client) {
            self.problems.push(config.problem_here("no [passdb.NAME]: no login could be right"));
        }
        // Every recipient would be unknown, and mail for them lost for good.
        if settings.directory.userdbs.is_empty() && has(Role::Userdb) {
            self.problems
                .push(config.problem_here("no [userdb.NAME]: every user would be unknown"));
        }
        let userdbs = &settings.directory.userdbs;
        for (userdb, table) in userdbs.iter().zip(sorted(config.tables("userdb"))) {
            let asks = matches!(userdb.driver, UserdbDriver::Static { allow_all_users: false, .. });
            if asks && settings.directory.passdbs.is_empty() {
                let why = "there is no [passdb.NAME] to ask whether a user exists";
                self.wrong(table, "allow_all_users", why);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use daemon::Daemon as _;

    use super::*;

    fn settings(text: &str) -> Result<Settings, String> {
        let show = |problems: Vec<Problem>| {
            problems.iter().map(|problem| format!("{problem}\n")).collect::<String>()
        };
        let files = crate::Authd::files();
        let config = Config::from_texts("authd", &files, &[("authd", text)]).map_err(show)?;
        read(&config).map_err(show)
    }

    #[test]
    fn the_usual_file() {
        let settings = settings(
            r#"
            [passdb.b]
            path = "/etc/b"
            [passdb.a]
            path = "/etc/vmail/%d/passwd"
            scheme = "ssha512"
            order = -1
            [userdb.users]
            driver = "static"
            fields = "uid=daemon gid=1 home=/var/vmail/%d/%n"
            [listener.client]
            address = "unix:/run/a"
            [listener.userdb]
            address = "unix:/run/b"
            mode = "0666"
            [listener.postfix]
            role = "client"
            address = "unix:/run/c"
            "#,
        )
        .unwrap();
        let names: Vec<_> = settings.directory.passdbs.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(settings.directory.passdbs[0].scheme, Scheme::Ssha512);
        assert_eq!(settings.mechanisms, Mechanism::ALL);
        assert_eq!(settings.failure_delay, Duration::from_secs(2));
        assert_eq!(settings.log_passwords, LogPasswords::No);
        assert_eq!(settings.listeners["postfix"].role, Role::Client);
        assert!(settings.listeners["userdb"].open_to_all);
        let stranger = Peer { uid: Some(4_000_000), ..Peer::default() };
        assert_eq!(settings.listeners["userdb"].only_for(&stranger), Some(4_000_000));
        assert_eq!(settings.listeners["client"].only_for(&stranger), None);
    }

    #[test]
    fn all_that_is_wrong_at_once() {
        let problems = settings(
            r#"
            mechanisms = []
            username_format = "%x"
            [passdb.a]
            path = "/etc/b"
            scheme = "MD5"
            [userdb.a]
            fields = "home=/x"
            [userdb.s]
            driver = "static"
            fields = "uid=0"
            [listener.foo]
            address = "unix:/run/a"
            "#,
        )
        .unwrap_err();
        for part in [
            "mechanisms",
            "username_format",
            "SHA512-CRYPT",
            "has no meaning",
            "a passwd-file needs one",
            "uid=0",
            "say client or userdb",
        ] {
            assert!(problems.contains(part), "{part}: {problems}");
        }
    }

    #[test]
    fn combinations() {
        let relative = settings("[passdb.a]\npath = \"etc/b\"").unwrap_err();
        assert!(relative.contains("not an absolute path"), "{relative}");
        let nothing = settings("").unwrap_err();
        assert!(nothing.contains("no listener"), "{nothing}");
        let listeners =
            "[listener.client]\naddress = \"unix:/a\"\n[listener.userdb]\naddress = \"unix:/b\"\n";
        let bare = settings(listeners).unwrap_err();
        assert!(bare.contains("no [passdb.NAME]") && bare.contains("no [userdb.NAME]"), "{bare}");
    }
}
