//! Command lines, and what Debian's Postfix 3.7 makes of the same (`tests/differential` asks it).

use super::*;

fn read(line: &str) -> Result<Command, Failure> {
    let mut words = line.split('|').map(str::to_owned);
    let name = words.next().expect("a name");
    parse(&name, &words.collect::<Vec<_>>())
}

fn sending(line: &str) -> Sending {
    match read(line).expect("good").work {
        Work::Send(sending) => *sending,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn what_programs_say() {
    let plain = sending("sendmail|a@b.test");
    assert_eq!(plain, Sending { recipients: vec!["a@b.test".into()], ..Sending::default() });
    // cron, PHP, git, mutt, mailx
    for line in [
        "sendmail|-FCronDaemon|-i|-B8BITMIME|-oem|root",
        "sendmail|-t|-i",
        "sendmail|-i|-t|-fwww@b.test",
        "sendmail|-oem|-oi|-f|x@b.test|--|a@b.test",
        "sendmail|-i|-oee|-odb|--|a@b.test",
        "sendmail|-O|DeliveryMode=b|-L|tag|-U|-h|5|-m|-p|x|-A|c|-c|-x|-e|q|-i|a@b.test",
    ] {
        assert!(!sending(line).dot_ends, "{line}");
    }
    let cron = sending("sendmail|-FCronDaemon|-i|-B8BITMIME|-oem|root");
    assert_eq!(cron.full_name.as_deref(), Some("CronDaemon"));
    assert_eq!(cron.body, Some(BodyType::EightBitMime));
    assert_eq!(cron.recipients, ["root"]);
    assert!(sending("sendmail|-t|-i").of_header && sending("sendmail|-G|x").gateway);
    assert_eq!(sending("sendmail|-r|r@y.test|a").sender.as_deref(), Some("r@y.test"));
    assert_eq!(sending("sendmail|-f||a").sender.as_deref(), Some(""));
    // Options end at the first word that is none.
    assert_eq!(sending("sendmail|a@b.test|-i").recipients, ["a@b.test", "-i"]);
    assert_eq!(sending("sendmail|-bm|--|-x@b.test").recipients, ["-x@b.test"]);
}

#[test]
fn reports() {
    let notify = |line: &str| sending(line).notify;
    let of = |success, failure, delay| Some(Notify { success, failure, delay });
    assert_eq!(notify("sendmail|-N|success,delay,failure|a"), of(true, true, true));
    assert_eq!(notify("sendmail|-N|FAILURE|a"), of(false, true, false));
    assert_eq!(notify("sendmail|-Nnever|a"), of(false, false, false));
    assert_eq!(notify("sendmail|-Nnever,delay|a"), None);
    let warned = read("sendmail|-N|bogus|-R|bogus|-V|\u{1}|a").expect("good").warnings;
    assert_eq!(
        warned,
        [
            "unknown DSN NOTIFY command value \"bogus\" in \"bogus\"",
            "bad -N option value -- ignored",
            "bad -R option value -- ignored",
            "bad syntax in -V option value -- ignored",
        ]
    );
    let all = sending("sendmail|-R|hdrs|-V|env 1|-v|a");
    assert_eq!((all.ret, all.report), (Some(Ret::Headers), true));
    assert_eq!(all.envid.as_deref(), Some("env 1"));
    assert!(!sending("sendmail|-vv|a").report, "that asks for a verbose log");
    let long = format!("sendmail|-V|{}|a", "x".repeat(101));
    assert_eq!(read(&long).expect("good").warnings, ["too long -V option value -- ignored"]);
}

#[test]
fn other_work() {
    let work = |line: &str| read(line).expect("good").work;
    assert_eq!(work("sendmail|-bp"), Work::List);
    assert_eq!(work("mailq"), Work::List);
    assert_eq!(work("mailq|-v"), Work::List);
    assert_eq!(work("newaliases"), Work::Aliases(None));
    assert_eq!(work("newaliases|-bp"), Work::List);
    assert_eq!(work("sendmail|-bi|-oA/etc/other"), Work::Aliases(Some("/etc/other".into())));
    assert_eq!(work("sendmail|-I"), Work::Aliases(None));
    assert_eq!(work("sendmail|-bs"), Work::Smtp);
    assert_eq!(work("sendmail|-q"), Work::Flush(Flush::All));
    assert_eq!(work("sendmail|-q|-v"), Work::Flush(Flush::All));
    assert_eq!(work("sendmail|-qIabc"), Work::Flush(Flush::Entry("abc".into())));
    assert_eq!(work("sendmail|-qRx.test"), Work::Flush(Flush::Domain("x.test".into())));
    assert_eq!(work("sendmail|-q30m"), Work::Nothing);
    assert_eq!(work("sendmail|-bh"), Work::Nothing);
    for (given, folder) in [("/x/main.cf", "/x"), ("/x", "/x"), ("main.cf", "")] {
        let command = read(&format!("sendmail|-C|{given}|a")).expect("good");
        assert_eq!(command.folder.as_deref(), Some(folder));
    }
}

#[test]
fn what_is_refused() {
    for (line, said) in [
        ("sendmail|-n|a", "-n option not supported"),
        ("sendmail|-B|9BIT|a", "-B option needs 8BITMIME or 7BIT"),
        ("sendmail|-B", "usage: sendmail [options]"),
        ("sendmail|-Z|a", "usage: sendmail [options]"),
        ("sendmail|-bz", "unsupported: -bz"),
        ("sendmail|-bd", "unsupported: -bd (the daemons are started by"),
        ("sendmail|-bv|a", "unsupported: -bv (recipients are looked at"),
        ("sendmail|-X|foo|a", "unsupported: -Xf"),
        ("sendmail|-XV|a", "unsupported: -XV"),
        ("sendmail|-V+=|a", "unsupported: -XV"),
        ("sendmail|-V|+=|a", "unsupported: -XV"),
        ("sendmail|-qS|x", "-qS is not implemented"),
        ("sendmail|-qR", "specify: -qRsitename"),
        ("sendmail|-qI", "specify: -qIqueueid"),
        ("sendmail|-qRx.test|x", "flush site requires no recipient"),
        ("sendmail|-qI1|x", "flush queue_id requires no recipient"),
        ("sendmail|-q|--|x", "flush queue mode requires no recipient"),
        ("sendmail|-bp|x", "display queue mode requires no recipient"),
        ("sendmail|-bs|x", "stand-alone mode requires no recipient"),
        ("sendmail|-bi|x", "alias initialization mode requires no recipient"),
        ("sendmail|-t|-bp", "-t can be used only in delivery mode"),
        ("sendmail|-qI1|-bs", "-qI can be used only in delivery mode"),
        ("sendmail|-oA", "-oA requires pathname"),
    ] {
        let failure = read(line).expect_err(line);
        assert_eq!(failure.code, crate::exit::EX_USAGE, "{line}");
        let last = failure.text.lines().last().expect("a line");
        assert!(last.starts_with(said), "{line}: {failure}");
    }
}

proptest::proptest! {
    #[test]
    fn never_panics(words in proptest::collection::vec("-{0,2}[a-zA-Z0-9é:+= @.]{0,5}", 0..6)) {
        for name in ["sendmail", "mailq", "newaliases"] {
            let _ = parse(name, &words);
        }
    }
}
