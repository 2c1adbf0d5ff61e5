//! A text part's bytes as Unicode text, while they pass by: transfer encoding, then charset.

use encoding_rs::{CoderResult, Decoder as CharsetDecoder, Encoding as Charset, UTF_8};

use crate::content::Content;
use crate::transfer::Decoder;

/// The charset of that name. US-ASCII is read as UTF-8, of which it is a part: mail often says the
/// one and holds the other. So is what nobody knows.
pub(crate) fn charset(name: Option<&[u8]>) -> &'static Charset {
    let name = name.unwrap_or(b"us-ascii").trim_ascii();
    if name.eq_ignore_ascii_case(b"us-ascii") || name.eq_ignore_ascii_case(b"ascii") {
        return UTF_8;
    }
    Charset::for_label(name).unwrap_or(UTF_8)
}

/// A text body being decoded. Wrong octets become U+FFFD.
pub struct TextDecoder {
    transfer: Decoder,
    charset: CharsetDecoder,
    octets: Vec<u8>,
    text: String,
}

impl TextDecoder {
    /// For the body of a part with these Content-* fields.
    #[must_use]
    pub fn new(content: &Content) -> Self {
        Self {
            transfer: Decoder::new(content.transfer()),
            charset: charset(content.param("charset")).new_decoder(),
            octets: Vec::new(),
            text: String::new(),
        }
    }

    /// The text of the next bytes. A character cut in two comes with its second half.
    pub fn feed(&mut self, chunk: &[u8]) -> &str {
        self.octets.clear();
        self.text.clear();
        self.transfer.feed(chunk, &mut self.octets);
        let mut rest = self.octets.as_slice();
        loop {
            let room = self.charset.max_utf8_buffer_length(rest.len()).unwrap_or(rest.len());
            self.text.reserve(room);
            let (result, read, _) = self.charset.decode_to_string(rest, &mut self.text, false);
            rest = rest.get(read..).unwrap_or_default();
            if result == CoderResult::InputEmpty {
                return &self.text;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Fields;

    fn decoded(header: &str, body: &[u8], size: usize) -> String {
        let content = Content::of(Fields::new(header.as_bytes()), false);
        let mut decoder = TextDecoder::new(&content);
        body.chunks(size).map(|chunk| decoder.feed(chunk).to_owned()).collect()
    }

    #[test]
    fn charsets() {
        let latin = "Content-Type: text/plain; charset=ISO-8859-1\n\
                     Content-Transfer-Encoding: quoted-printable\n";
        assert_eq!(decoded(latin, b"caf=E9", 1), "café");
        assert_eq!(decoded("", "naïve".as_bytes(), 1), "naïve");
        let odd = "Content-Type: text/plain; charset=x-nobody-knows\n";
        assert_eq!(decoded(odd, b"a\xffb", 2), "a\u{fffd}b");
        let japanese = "Content-Type: text/plain; charset=iso-2022-jp\n";
        assert_eq!(decoded(japanese, b"\x1b$B$\"\x1b(B", 3), "あ");
    }
}
