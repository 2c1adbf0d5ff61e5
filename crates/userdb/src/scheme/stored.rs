//! A stored password: `{SCHEME.ENCODING}data`, or bare data in the default scheme.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use nom::bytes::complete::take_till1;
use nom::character::complete::char;
use nom::combinator::{opt, rest};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser as _};

use super::{Match, Scheme, SchemeError, argon, crypt, digest, same};

/// Base64 as people's tools write it: with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A password as it stands in a database. Its Debug form shows the scheme only.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPassword<'a> {
    scheme: Scheme,
    encoding: Encoding,
    data: &'a str,
}

impl std::fmt::Debug for StoredPassword<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredPassword").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// What the scheme usually has.
    Usual,
    Hex,
    Base64,
}

impl<'a> StoredPassword<'a> {
    /// Reads a stored password; `default` is the scheme where it names none.
    ///
    /// # Errors
    /// The scheme or the encoding isn't known.
    pub fn parse(stored: &'a str, default: Scheme) -> Result<Self, SchemeError> {
        let Ok((_, (name, encoding, data))) = prefixed(stored) else {
            return Ok(Self { scheme: default, encoding: Encoding::Usual, data: stored });
        };
        let scheme = Scheme::from_name(name).ok_or_else(|| SchemeError::Unknown(name.into()))?;
        let encoding = match encoding.map(str::to_ascii_uppercase).as_deref() {
            None => Encoding::Usual,
            Some("HEX") => Encoding::Hex,
            Some("B64" | "BASE64") => Encoding::Base64,
            Some(other) => return Err(SchemeError::Unknown(format!("{name}.{other}"))),
        };
        Ok(Self { scheme, encoding, data })
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether no password is stored.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// What a check costs, as a text that is the same for equal costs.
    #[must_use]
    pub fn cost_class(&self) -> String {
        // Everything up to the salt: `$6$rounds=5000`, `$2y$10`, `$argon2id$v=19$m=65536,t=3,p=1`.
        let usual = self.encoding == Encoding::Usual;
        let parameters = match self.data.strip_prefix('$').filter(|_| usual) {
            Some(data) if data.starts_with("argon2") => data.splitn(4, '$').take(3),
            Some(data) => data.splitn(3, '$').take(if data.starts_with('2') { 2 } else { 1 }),
            None => return self.scheme.name().into(),
        };
        let parameters: Vec<&str> = parameters.collect();
        let rounds = self.data.split('$').nth(2).filter(|part| part.starts_with("rounds="));
        format!("{} {}", parameters.join("$"), rounds.unwrap_or_default())
    }

    /// Checks a password. Costly: for hashing threads only.
    ///
    /// # Errors
    /// The stored password can't be checked against; no password is right then.
    pub fn check(&self, password: &[u8]) -> Result<Match, SchemeError> {
        // crypt(3) would stop at a NUL and take what stands before it.
        if password.contains(&0) {
            return Ok(Match::No);
        }
        let name = self.scheme.name();
        match self.scheme {
            Scheme::Plain => Ok(same(&self.bytes(None)?, password)),
            Scheme::Crypt | Scheme::Sha256Crypt | Scheme::Sha512Crypt | Scheme::BlfCrypt => {
                crypt::check(self.scheme, &self.text()?, password)
            }
            Scheme::Sha1 | Scheme::Sha256 | Scheme::Sha512 => {
                let raw = digest::hash(self.scheme, password, &[]);
                Ok(same(&self.bytes(Some(raw.len()))?, &raw))
            }
            Scheme::Ssha | Scheme::Ssha256 | Scheme::Ssha512 => {
                let stored = match self.encoding {
                    Encoding::Usual => self.decode(Encoding::Base64)?,
                    encoding => self.decode(encoding)?,
                };
                let size = digest::size(self.scheme);
                let parts = stored.split_at_checked(size).filter(|(_, salt)| !salt.is_empty());
                let (raw, salt) = parts.ok_or(SchemeError::Invalid(name))?;
                Ok(same(raw, &digest::hash(self.scheme, password, salt)))
            }
            Scheme::Argon2i | Scheme::Argon2id => {
                argon::check(self.scheme, &self.text()?, password)
            }
        }
    }

    fn text(&self) -> Result<String, SchemeError> {
        let text = String::from_utf8(self.bytes(None)?);
        text.map_err(|_| SchemeError::Invalid(self.scheme.name()))
    }

    /// The decoded data. `fixed` is the raw length of schemes that have one: their text is hex if
    /// it is twice as long, else base64.
    fn bytes(&self, fixed: Option<usize>) -> Result<Vec<u8>, SchemeError> {
        match (self.encoding, fixed) {
            (Encoding::Usual, None) => Ok(self.data.as_bytes().to_vec()),
            (Encoding::Usual, Some(size)) => {
                let hex = (self.data.len() == size * 2).then(|| self.decode(Encoding::Hex));
                hex.and_then(Result::ok).map_or_else(|| self.decode(Encoding::Base64), Ok)
            }
            (encoding, _) => self.decode(encoding),
        }
    }

    fn decode(&self, encoding: Encoding) -> Result<Vec<u8>, SchemeError> {
        let decoded = match encoding {
            Encoding::Usual => Some(self.data.as_bytes().to_vec()),
            Encoding::Hex => hex(self.data),
            Encoding::Base64 => BASE64.decode(self.data).ok(),
        };
        decoded.ok_or_else(|| SchemeError::Invalid(self.scheme.name()))
    }
}

/// `{NAME.ENC}data`. A brace that isn't closed makes the whole text data.
fn prefixed(input: &str) -> IResult<&str, (&str, Option<&str>, &str)> {
    let word = || take_till1(|c: char| matches!(c, '.' | '}'));
    let encoding = opt(preceded(char('.'), word()));
    let head = delimited(char('{'), (word(), encoding), char('}'));
    let (input, ((name, encoding), data)) = (head, rest).parse(input)?;
    Ok((input, (name, encoding, data)))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: &u8| char::from(*c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: Vec<u8> = text.as_bytes().iter().map(digit).collect::<Option<_>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(stored: &str, password: &str) -> Result<Match, SchemeError> {
        StoredPassword::parse(stored, Scheme::Crypt)?.check(password.as_bytes())
    }

    /// Made by `doveadm pw -p secret` of 2.3.19, openssl(1) and mkpasswd(1).
    const SECRETS: [&str; 19] = [
        "{PLAIN}secret",
        "{CLEARTEXT}secret",
        "{plain.hex}736563726574",
        "{PLAIN.B64}c2VjcmV0",
        "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
        "{SHA1}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4",
        "{SHA256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=",
        "{SHA256}2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
        "{SHA512.HEX}bd2b1aaf7ef4f09be9f52ce2d8d599674d81aa9d6a4421696dc4d93dd0619d682ce56b4d64a9ef097761ced99e0f67265b5f76085e5b0ee7ca4696b2ad6fe2b2",
        SSHA,
        SSHA256,
        SSHA512,
        SHA256_CRYPT,
        SHA512_CRYPT,
        "$6$rounds=1000$saltsalt$LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/",
        BLF_CRYPT,
        BLF_2A,
        ARGON2I,
        ARGON2ID,
    ];
    const SSHA: &str = "{SSHA}o86Uk+I2xUxisMIxZuL2FB3fh3yP0+bE";
    const SSHA256: &str = "{SSHA256}IP3OravC20inulHetJEATzPW+BuEGRZZ2wMVqser9OVmlQxq";
    const SSHA512: &str = "{SSHA512}QCIAzBJ7pkW/aaWbsIdh0xmDsLzfvHiok8Z4tSRRcvz9ERY30U2FnMHvhHdXdfyEv5iLhRa4N+5uuDATO2AjM8LCjUE=";
    const SHA256_CRYPT: &str =
        "{SHA256-CRYPT}$5$5VOK.h5U.6bmYRan$S5P4HNTt9TmxnvX57D1Krjmx0UH9UJMrnf3KIKKsNo5";
    const SHA512_CRYPT: &str = "{SHA512-CRYPT}$6$E4HN8HD/Q4Br0Gvt$XNdBQ8yEfc73tVS6OmijpJeEQA0My7Q7jjyOf57/2gwC5V3KAlUAd.gjP7gnEJnCwZ7Zd3jTyWTIIdzVrjq4P.";
    const BLF_CRYPT: &str =
        "{BLF-CRYPT}$2y$05$Eg5hkEkivLZ4P1lrJhdR6uCHDy3pblmiUpFWtixpEXuABUCSN80.O";
    const ARGON2I: &str = "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$u1rhWPzpppPKt45UIJTr6g$vF/rhrGbkmSTIFBhGekgzzg0ckABpVKmACy5225M8So";
    const ARGON2ID: &str = "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$DK3Aiy+N6pQEcz82zdj8xw$inNG5HY2yIdSt4dxZvd6QezcVmYejJC40D8NlvzOz30";
    const BLF_2A: &str = "$2a$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a";

    #[test]
    fn every_scheme_knows_its_password() {
        for stored in SECRETS {
            assert_eq!(check(stored, "secret"), Ok(Match::Yes), "{stored}");
            assert_eq!(check(stored, "Secret"), Ok(Match::No), "{stored}");
            assert_eq!(check(stored, ""), Ok(Match::No), "{stored}");
        }
    }

    #[test]
    fn bare_text_is_in_the_default_scheme() {
        let stored = StoredPassword::parse("secret", Scheme::Plain).unwrap();
        assert_eq!(stored.check(b"secret"), Ok(Match::Yes));
        let stored = StoredPassword::parse("{secret", Scheme::Plain).unwrap();
        assert_eq!(stored.check(b"{secret"), Ok(Match::Yes));
    }

    #[test]
    fn nobody_gets_in_by_nothing() {
        for locked in ["", "*", "!", "!!", "x", "!$6$saltsalt$abc", "{CRYPT}*", "{SHA512-CRYPT}"] {
            assert_eq!(check(locked, ""), Ok(Match::Locked), "{locked}");
        }
        // What is stored empty and in clear is an empty password: Dovecot has it so.
        assert_eq!(check("{PLAIN}", ""), Ok(Match::Yes));
        assert_eq!(check("{PLAIN}a", "a\0"), Ok(Match::No));
    }

    #[test]
    fn broken_ones() {
        use SchemeError as E;
        assert_eq!(check("{FOO}x", "x"), Err(E::Unknown("FOO".into())));
        assert_eq!(check("{PLAIN.ROT13}x", "x"), Err(E::Unknown("PLAIN.ROT13".into())));
        assert_eq!(check("{SHA256}z!", "x"), Err(E::Invalid("SHA256")));
        assert_eq!(check("{SSHA512}c2VjcmV0", "x"), Err(E::Invalid("SSHA512")));
        assert_eq!(check("{BLF-CRYPT}$2y$05$short", "x"), Err(E::Invalid("BLF-CRYPT")));
        assert_eq!(check("{PLAIN.HEX}123", "x"), Err(E::Invalid("PLAIN")));
        assert!(matches!(check("$1$abcdefgh$G", "x"), Err(E::UnknownCrypt(_))));
        assert!(matches!(check("$y$j9T$abc$def", "x"), Err(E::UnknownCrypt(_))));
    }

    #[test]
    fn costs_are_bounded() {
        let costly = [
            "$6$rounds=999999999$saltsalt$NcBJCuZBwHPY6Y1TkrdsV0Sk3iw47S6bbZGtlJuJdpc".to_owned(),
            BLF_CRYPT.replace("$2y$05$", "$2y$31$"),
            "{ARGON2ID}$argon2id$v=19$m=4294967295,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo".to_owned(),
            "{ARGON2ID}$argon2id$v=19$m=65536,t=4000000000,p=1$c2FsdHNhbHQ$aGFzaGhhc2g".to_owned(),
        ];
        for stored in costly {
            let got = check(&stored, "x");
            assert!(matches!(got, Err(SchemeError::TooCostly { .. })), "{stored}: {got:?}");
        }
    }

    #[test]
    fn equal_costs_are_one_class() {
        let class = |stored| StoredPassword::parse(stored, Scheme::Crypt).unwrap().cost_class();
        assert_eq!(class("$6$rounds=1000$aaaa$bb"), class("$6$rounds=1000$cccc$dd"));
        assert_ne!(class("$6$rounds=1000$aaaa$bb"), class("$6$aaaa$bb"));
        assert_eq!(class("$6$aaaa$bb"), class("$6$cc$dd"));
        assert_ne!(class("$2y$05$a"), class("$2y$06$a"));
        assert_ne!(
            class("$argon2id$v=19$m=1,t=3,p=1$a$b"),
            class("$argon2id$v=19$m=2,t=3,p=1$a$b")
        );
        assert_eq!(class("{SSHA512}abc"), class("{SSHA512}def"));
    }

    #[test]
    fn debug_hides_it() {
        let shown = format!("{:?}", StoredPassword::parse("{PLAIN}hunter2", Scheme::Crypt));
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    proptest! {
        #[test]
        fn never_panics(stored: String, password: Vec<u8>) {
            let _ = StoredPassword::parse(&stored, Scheme::Plain).map(|s| (s.cost_class(), s.check(&password)));
        }

        #[test]
        fn never_panics_on_prefixed(
            scheme in "CRYPT|SHA256|SSHA512|BLF-CRYPT|ARGON2ID|SHA512-CRYPT|PLAIN.HEX|SSHA.B64",
            data in "(\\$(2y|6|5|argon2id|1)\\$)?[$a-z0-9=,+/.]{0,90}", password: Vec<u8>,
        ) {
            let stored = format!("{{{scheme}}}{data}");
            let _ = StoredPassword::parse(&stored, Scheme::Plain).map(|s| (s.cost_class(), s.check(&password)));
        }
    }
}
