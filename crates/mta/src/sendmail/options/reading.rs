//! What each option of `sendmail` means.

use smtp::{BodyType, Notify, Ret};

use super::{MAX_ENVID, Mode, Reading};
use crate::exit::Failure;
use crate::getopt::{Found, complaint};

impl Reading<'_> {
    pub(super) fn take(&mut self, found: Found<'_>) -> Result<(), Failure> {
        match found {
            Found::Unknown(_) | Found::Lacking(_) => {
                let said = complaint(self.name, found).unwrap_or_default();
                Err(Failure::usage(format!("{said}\nusage: {} [options]", self.name)))
            }
            Found::Flag(letter) => self.flag(letter),
            Found::Value(letter, value) => self.value(letter, value),
        }
    }

    fn flag(&mut self, letter: char) -> Result<(), Failure> {
        match letter {
            'G' => self.sending.gateway = true,
            'I' => self.mode = Mode::Aliases,
            'i' => self.sending.dot_ends = false,
            'n' => return Err(Failure::usage("-n option not supported")),
            't' => self.sending.of_header = true,
            'v' => self.verbose += 1,
            // -U -c -m -x: they meant something to Sendmail.
            _ => {}
        }
        Ok(())
    }

    fn value(&mut self, letter: char, value: &str) -> Result<(), Failure> {
        match letter {
            'B' => self.sending.body = Some(body(value)?),
            'C' => self.folder = Some(folder(value)),
            'F' => self.sending.full_name = Some(value.to_owned()),
            'N' => self.notify(value),
            'R' => self.ret(value),
            'V' => self.envid(value),
            'X' => {
                let first: String = value.chars().take(1).collect();
                return Err(Failure::usage(format!("unsupported: -X{first}")));
            }
            'b' => return self.job(value),
            'f' | 'r' => self.sending.sender = Some(value.to_owned()),
            'o' => return self.old_option(value),
            'q' => return self.queue(value),
            // -A -L -O -e -h -p: they meant something to Sendmail.
            _ => {}
        }
        Ok(())
    }

    fn job(&mut self, value: &str) -> Result<(), Failure> {
        self.mode = match value.chars().next() {
            Some('h' | 'H') => Mode::Nothing,
            Some('i') => Mode::Aliases,
            Some('m') => Mode::Send,
            Some('p') => Mode::List,
            Some('s') => Mode::Smtp,
            Some('d' | 'l') => {
                let remedy = "the daemons are started by `systemctl start dovetail`";
                return Err(Failure::usage(format!("unsupported: -b{value} ({remedy})")));
            }
            Some('v') => {
                let remedy = "recipients are looked at when a message is sent";
                return Err(Failure::usage(format!("unsupported: -bv ({remedy})")));
            }
            first => {
                let first = first.map(String::from).unwrap_or_default();
                return Err(Failure::usage(format!("unsupported: -b{first}")));
            }
        };
        Ok(())
    }

    /// `-o` with a letter and perhaps a value.
    fn old_option(&mut self, value: &str) -> Result<(), Failure> {
        match value.chars().next() {
            Some('A') if value.len() == 1 => Err(Failure::usage("-oA requires pathname")),
            Some('A') => {
                self.aliases = value.get(1..).map(str::to_owned);
                Ok(())
            }
            Some('i') => {
                self.sending.dot_ends = false;
                Ok(())
            }
            // -odi, -oem, -om, -o7 …
            _ => Ok(()),
        }
    }

    /// `-q` with something behind it.
    fn queue(&mut self, value: &str) -> Result<(), Failure> {
        let rest = value.get(1..).unwrap_or_default();
        match value.chars().next() {
            Some(first) if first.is_ascii_digit() => self.interval = true,
            Some('R') if rest.is_empty() => return Err(Failure::usage("specify: -qRsitename")),
            Some('R') => self.domain = Some(rest.to_owned()),
            Some('I') if rest.is_empty() => return Err(Failure::usage("specify: -qIqueueid")),
            Some('I') => self.entry = Some(rest.to_owned()),
            first => {
                let first = first.map(String::from).unwrap_or_default();
                return Err(Failure::usage(format!("-q{first} is not implemented")));
            }
        }
        Ok(())
    }

    fn notify(&mut self, value: &str) {
        let word = |text: &str| -> Result<Notify, String> {
            match text.to_ascii_lowercase().as_str() {
                "never" => Ok(Notify::default()),
                "success" => Ok(Notify { success: true, ..Notify::default() }),
                "failure" => Ok(Notify { failure: true, ..Notify::default() }),
                "delay" => Ok(Notify { delay: true, ..Notify::default() }),
                _ => Err(format!("unknown DSN NOTIFY command value \"{text}\" in \"{value}\"")),
            }
        };
        let words = value.split([',', ' ', '\t']).filter(|word| !word.is_empty());
        let read: Result<Vec<Notify>, String> = words.map(word).collect();
        match read {
            Ok(all) if is_sound(&all) => {
                self.sending.notify = all.into_iter().reduce(|one, other| Notify {
                    success: one.success || other.success,
                    failure: one.failure || other.failure,
                    delay: one.delay || other.delay,
                });
                return;
            }
            Ok(_) => {}
            Err(why) => self.warnings.push(why),
        }
        self.warnings.push("bad -N option value -- ignored".to_owned());
    }

    fn ret(&mut self, value: &str) {
        match value.to_ascii_lowercase().as_str() {
            "full" => self.sending.ret = Some(Ret::Full),
            "hdrs" => self.sending.ret = Some(Ret::Headers),
            _ => self.warnings.push("bad -R option value -- ignored".to_owned()),
        }
    }

    fn envid(&mut self, value: &str) {
        if value.len() > MAX_ENVID {
            self.warnings.push("too long -V option value -- ignored".to_owned());
        } else if value.is_empty() || !value.bytes().all(|octet| (b' '..=b'~').contains(&octet)) {
            self.warnings.push("bad syntax in -V option value -- ignored".to_owned());
        } else {
            self.sending.envid = Some(value.to_owned());
        }
    }
}

/// NEVER stands alone.
fn is_sound(all: &[Notify]) -> bool {
    let never = all.contains(&Notify::default());
    !all.is_empty() && (!never || all.iter().all(|one| *one == Notify::default()))
}

fn body(value: &str) -> Result<BodyType, Failure> {
    match value {
        "8BITMIME" => Ok(BodyType::EightBitMime),
        "7BIT" => Ok(BodyType::SevenBit),
        _ => Err(Failure::usage("-B option needs 8BITMIME or 7BIT")),
    }
}

/// The folder itself, or that of `main.cf`.
fn folder(value: &str) -> String {
    let path = std::path::Path::new(value);
    match path.file_name() {
        Some(name) if name == "main.cf" => {
            path.parent().map(|parent| parent.display().to_string()).unwrap_or_default()
        }
        _ => value.to_owned(),
    }
}
