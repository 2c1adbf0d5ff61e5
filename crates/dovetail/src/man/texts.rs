//! What an operator should know of a command besides its options. A command without a text has a page
//! all the same, with what the command line's definition says.

/// What a page says besides what the command line's definition does.
pub(super) struct Text {
    pub(super) command: &'static str,
    pub(super) description: &'static [&'static str],
    /// What is done, and how.
    pub(super) examples: &'static [(&'static str, &'static str)],
    /// Exit codes that mean something of their own here.
    pub(super) exits: &'static [(u8, &'static str)],
    pub(super) see_also: &'static [&'static str],
}

/// Of a command.
pub(super) fn of(command: &str) -> Option<&'static Text> {
    TEXTS.iter().find(|text| text.command == command)
}

/// What whatis(1) shows of `dovetail` itself.
pub(super) const OVERVIEW_SUMMARY: &str = "operator's command of the mail system Dovetail";

/// Of `dovetail` itself.
pub(super) const OVERVIEW: Text = Text {
    command: "dovetail",
    description: &[
        "Dovetail is a mail system made of small daemons: dovetail-authd(8) says who a user is, dovetail-smtpd(8) \
         takes mail in, dovetail-qmgrd(8) keeps what can't be delivered at once, dovetail-relayd(8) delivers to \
         other servers, dovetail-lmtpd(8) into mailboxes, and with dovetail-imapd(8) users read their mail. Each of \
         them fits where Postfix or Dovecot has its own, so that one may be put in that one's place, or all.",
        "`dovetail` is how an operator sees and changes them. It asks the daemons at their admin sockets, which \
         root may and whoever is in the group `dovetail-admin`. An instance is named NAME@X, as `smtpd@mx`.",
        "Each command has a page: `man dovetail queue`. `dovetail COMMAND --help` is shorter.",
    ],
    examples: &[
        (
            "First steps after an installation:",
            "\
# editor /etc/dovetail/domains.toml     # mailbox_domains
# dovetail pw                           # a hash for /etc/dovetail/users
# dovetail config check
# systemctl enable --now dovetail.target
# systemctl enable dovetail-smtpd-smtp.socket dovetail-imapd-imap.socket
# systemctl restart dovetail-smtpd dovetail-imapd",
        ),
        (
            "Is all well? What waits, and why?",
            "\
$ dovetail status
$ dovetail health
$ dovetail queue list",
        ),
        (
            "Where did a message go? Its id is in its Received field:",
            "\
$ journalctl DOVETAIL_ID=0VbyHSazalJE9SREhdHb",
        ),
    ],
    exits: &[],
    see_also: &[],
};

/// Places that the overview names.
pub(super) const OVERVIEW_FILES: &[(&str, &str)] = &[
    ("/etc/dovetail/NAME.toml", "Configuration of a daemon, dovetail-NAME.toml(5)."),
    (
        "/etc/dovetail/domains.toml, /etc/dovetail/mail.toml",
        "What several daemons read: dovetail-domains.toml(5), dovetail-mail.toml(5).",
    ),
    ("/etc/dovetail/tls.toml", "Certificates to copy, dovetail-tls.toml(5)."),
    ("/run/dovetail/NAME/admin.sock", "A daemon's admin socket."),
    (
        "/usr/share/doc/dovetail-common/",
        "The handbook, as text: install.md, operations.md, drop-in.md and more.",
    ),
];

const TEXTS: &[Text] = &[
    Text {
        command: "demo",
        description: &[
            "Starts all six daemons on loopback, with a certificate authority of their own, two domains and three \
             users, prints how to send and to read, and stays until Ctrl-C. It needs no privileges and touches \
             nothing of an installation.",
            "The data lies in a scratch folder, and goes with the demo; `--root` keeps it and takes it up again. \
             `--config` names a folder of configuration files that are laid over the demo's own, key by key. \
             `--json` prints one line of JSON, with every address, once all of them accept.",
        ],
        examples: &[(
            "A demo that is there again tomorrow, on the same ports:",
            "$ dovetail demo --root ~/mail --port-base 10025",
        )],
        exits: &[
            (0, "It was ended."),
            (71, "Something of the system's failed: a port, a file, a program."),
        ],
        see_also: &[],
    },
    Text {
        command: "config",
        description: &[
            "Looks at the files in `/etc/dovetail`, or in the folder that `--config` names, as the daemons would, \
             and starts nothing.",
            "`check` says everything that is wrong, of all files at once: unknown keys with the one that was \
             probably meant, values out of bounds, certificates that don't fit, daemons that would give up on each \
             other. As root it tries every path with each daemon's own user and groups. If authd answers, it names \
             the users who would get no mail.",
        ],
        examples: &[
            ("After every change:", "# dovetail config check && dovetail reload"),
            (
                "What was changed, as postconf -n or doveconf -n show it:",
                "$ dovetail config show --changed",
            ),
            ("Every key of a file, with its meaning:", "$ dovetail config sample smtpd | less"),
        ],
        exits: &[
            (0, "Nothing is wrong."),
            (78, "`check`: something is wrong, and all of it was said."),
        ],
        see_also: &[
            "dovetail-reload(1)",
            "dovetail-domains.toml(5)",
            "dovetail-mail.toml(5)",
            "dovetail-smtpd.toml(5)",
        ],
    },
    Text {
        command: "pw",
        description: &[
            "Asks for a password, twice, and prints it as a password file stores it; without a terminal the first \
             line of standard input is taken. authd takes every scheme that `--list` prints, and Dovecot's doveadm \
             pw makes the same.",
        ],
        examples: &[
            (
                "A line for /etc/dovetail/users:",
                "$ echo \"alice@example.org:$(dovetail pw)::::::\"",
            ),
            ("Is it this one?", "$ dovetail pw --test '{SSHA512}...'"),
        ],
        exits: &[(0, "Made; or the password is this one."), (77, "It is another password.")],
        see_also: &["dovetail-auth(1)", "dovetail-authd(8)"],
    },
    Text {
        command: "auth",
        description: &[
            "Tries a login at authd as a daemon would, and says whether it is good. The reason of a refusal is in \
             authd's log alone.",
        ],
        examples: &[(
            "As a mail program's login:",
            "$ dovetail auth test --service imap alice@example.org",
        )],
        exits: &[
            (0, "The login is good."),
            (75, "authd is away, or can't say now."),
            (77, "Wrong user or password."),
        ],
        see_also: &["dovetail-user(1)", "dovetail-pw(1)", "dovetail-authd(8)"],
    },
    Text {
        command: "user",
        description: &[
            "Asks authd who a user is, as lmtpd would before it delivers: uid, gid, home, where mail lies. Never a \
             password.",
        ],
        examples: &[(
            "One, and all of a domain:",
            "$ dovetail user alice@example.org\n$ dovetail user '*@example.org'",
        )],
        exits: &[
            (0, "All were found."),
            (67, "One doesn't exist."),
            (75, "authd is away, or can't say now."),
        ],
        see_also: &["dovetail-auth(1)", "dovetail-authd(8)"],
    },
    Text {
        command: "queue",
        description: &[
            "Shows and changes what waits at dovetail-qmgrd(8). A message's id is its trace id, which is in its \
             Received field and in every line of every daemon's log about it. Messages that are tried again by \
             themselves need no flush: it is for when a cause was mended.",
        ],
        examples: &[
            (
                "What waits, why, and its header:",
                "$ dovetail queue list\n$ dovetail queue show 0VbyHSazalJE9SREhdHb",
            ),
            ("The other server is up again:", "$ dovetail queue flush"),
        ],
        exits: &[(0, "Done."), (67, "There is no such message."), (75, "qmgrd is away.")],
        see_also: &["dovetail-status(1)", "dovetail-qmgrd(8)"],
    },
    Text {
        command: "status",
        description: &[
            "Shows all daemons and instances at a glance: who runs and since when, whether it is well and if not \
             why, what waits in the queue, and which certificate ends first. An instance that left since nobody \
             needed it is `idle`, which is no fault.",
        ],
        examples: &[],
        exits: &[
            (0, "All run, and are well or warn of something."),
            (69, "All run, and one of them says that something is bad."),
            (75, "One is away."),
        ],
        see_also: &["dovetail-health(1)", "dovetail-who(1)", "dovetail-queue(1)"],
    },
    Text {
        command: "health",
        description: &[
            "Prints every check of every daemon, and what is wrong. The first line is the summary, and the exit \
             status is that of a monitoring plugin (Nagios, Icinga), which so may call it as it is.",
            "Checks: `listeners` (each accepts), `disk` (space and inodes), `descriptors`, `certificates` (days \
             left), `log` (no line lost), `authd`, `lmtpd`, `qmgrd` (they answer), `queue` (age and number), `hops` \
             (next hops greet), `dns`. From where on they complain, `[health]` of each daemon's file says.",
        ],
        examples: &[("Of one daemon, for a program:", "$ dovetail health smtpd --json")],
        exits: &[
            (0, "Good."),
            (1, "One warns."),
            (2, "One is bad, or away."),
            (3, "It couldn't be found out: you may not ask."),
        ],
        see_also: &["dovetail-status(1)", "dovetail-metrics(1)"],
    },
    Text {
        command: "metrics",
        description: &[
            "Prints the figures of all daemons in Prometheus' text format; `serve` serves them on TCP at /metrics, \
             asking the daemons at each scrape: nothing else, and read only, so that no daemon needs a network for \
             it. It needs the group `dovetail-admin` and no other privilege. metrics.md of the handbook has every \
             figure.",
        ],
        examples: &[(
            "For a Prometheus on this machine:",
            "$ dovetail metrics serve --listen 127.0.0.1:9119",
        )],
        exits: &[
            (0, "Done; a daemon that is away has `dovetail_up` 0."),
            (71, "It can't listen there."),
        ],
        see_also: &["dovetail-health(1)"],
    },
    Text {
        command: "units",
        description: &[
            "`sync` makes systemd fit the userdb and the configuration. Where users have uids of their own, it \
             enables the socket of dovetail-lmtpd@UID for each uid, and gives uids that have no name one. It opens \
             the sandbox of the mail daemons' units for `mail_roots` of dovetail-mail.toml(5), and has \
             dovetail-tls.path wait for the certificates of dovetail-tls.toml(5).",
            "Run it when the userdb got a uid that wasn't there, when `mail_roots` or tls.toml changed, or as often \
             as you like: where all is as it should be it changes nothing, and says so. While authd can't tell \
             about a user, nothing is changed. It needs root.",
        ],
        examples: &[(
            "What would be done, and doing it:",
            "# dovetail units sync --dry-run\n# dovetail units sync",
        )],
        exits: &[
            (0, "Done, or nothing to do."),
            (75, "authd is away, or can't tell about a user."),
            (78, "The configuration is wrong."),
        ],
        see_also: &["dovetail-lmtpd(8)", "dovetail-mail.toml(5)", "dovetail-tls.toml(5)"],
    },
    Text {
        command: "who",
        description: &[
            "Lists every session: its number, protocol, user, address, since when, and what it does now (`idle`, \
             `SELECT`, `receiving a message`, `waiting for qmgrd`). dovetail-kick(1) ends sessions.",
        ],
        examples: &[("Who reads mail?", "$ dovetail who imapd")],
        exits: &[
            (0, "Listed."),
            (64, "There is no such daemon."),
            (75, "A daemon is away; the others are listed."),
        ],
        see_also: &["dovetail-kick(1)", "dovetail-status(1)"],
    },
    Text {
        command: "kick",
        description: &[
            "Ends sessions. The client hears so in its protocol's words (`* BYE`, `421`). A message whose end hasn't \
             come is given up, and the sender keeps it; one whose end is here gets its reply first. A kicked user \
             may come back at once: to keep one out, change the password first.",
        ],
        examples: &[(
            "All of a user, of an address, and one of dovetail-who(1):",
            "\
# dovetail kick alice@example.org
# dovetail kick 192.0.2.7
# dovetail kick imapd:17",
        )],
        exits: &[(0, "Done."), (67, "There was none."), (75, "A daemon is away.")],
        see_also: &["dovetail-who(1)"],
    },
    Text {
        command: "reload",
        description: &[
            "Has daemons read their configuration and keys again, as SIGHUP does, and waits for what comes of it: \
             what was taken up, which keys need a restart, or every error of every file; then the configuration \
             before it stays in use. Tables, password files and certificates need no reload: they are read again \
             when they change.",
        ],
        examples: &[("Of one daemon:", "# dovetail reload smtpd")],
        exits: &[
            (0, "Taken up."),
            (75, "A daemon is away."),
            (78, "A daemon's files are wrong, and its old configuration stays."),
        ],
        see_also: &["dovetail-config(1)"],
    },
    Text {
        command: "sandbox",
        description: &[
            "Each daemon forbids itself, by Landlock and seccomp, all that its configuration doesn't name. `show` \
             prints what it may use. `test` has it try, from inside, what it mustn't do; daemons do that only with \
             `self_test = true` in `[sandbox]` of their file, which is for trying only.",
        ],
        examples: &[("Which folders may imapd use?", "$ dovetail sandbox show imapd")],
        exits: &[
            (0, "Shown; or nothing worked."),
            (1, "`test`: something worked that must not."),
            (75, "A daemon is away."),
        ],
        see_also: &["dovetail-units(1)"],
    },
    Text {
        command: "tls",
        description: &[
            "`show` prints the certificates that smtpd and imapd show now, and what is wrong with them; of a daemon \
             that is away its files are read.",
            "`copy` is for certificates that only root may read, as certbot's are: it copies them, as \
             dovetail-tls.toml(5) says, to `/var/lib/dovetail/tls/DAEMON/`, each for one daemon to read, with the \
             key in the same file and by rename, so that a daemon sees the old pair or the new one. \
             dovetail-tls.path and certbot's deploy hook call it when a certificate was renewed. The daemons show a \
             new copy within seconds, without a reload.",
        ],
        examples: &[
            (
                "A certificate of Let's Encrypt's, in /etc/dovetail/tls.toml:",
                "\
[copy.\"mail.example.org\"]
certificate = \"/etc/letsencrypt/live/mail.example.org/fullchain.pem\"
key = \"/etc/letsencrypt/live/mail.example.org/privkey.pem\"
daemons = [\"smtpd\", \"imapd\"]",
            ),
            ("Copying it, and seeing it shown:", "# dovetail tls copy\n# dovetail tls show"),
        ],
        exits: &[
            (0, "Done."),
            (71, "The system refused something, or a certificate has expired."),
            (75, "Certificate and key don't fit together yet."),
            (77, "A source can't be read."),
            (78, "tls.toml is wrong."),
        ],
        see_also: &["dovetail-tls.toml(5)", "dovetail-smtpd(8)", "dovetail-imapd(8)"],
    },
    Text {
        command: "debug",
        description: &[
            "Has one daemon log at level debug from now on, without a restart and without touching its \
             configuration. It ends by itself, at a reload, and with `off`. Without a name it shows which daemons \
             do. Who switched is logged.",
        ],
        examples: &[(
            "Why do logins fail?",
            "# dovetail debug authd on --for 5m\n# journalctl -fu dovetail-authd",
        )],
        exits: &[(0, "Done."), (64, "There is no such daemon."), (75, "The daemon is away.")],
        see_also: &["dovetail-who(1)"],
    },
];

/// The commands that have one.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TEXTS.iter().map(|text| text.command)
}
