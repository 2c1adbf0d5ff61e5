//! The content between DATA's 354 and the dot, and between BDAT's octets: decoded, made unambiguous,
//! and encoded again for the next hop.
//!
//! RFC 5321 §4.1.1.4: only CRLF.CRLF ends DATA. A bare LF or CR never does, and a dot behind one is
//! content. What comes out has CRLF at the end of every line and nowhere else a CR or LF: a bare LF
//! becomes CRLF, a bare CR and a NUL become a blank (Postfix's `smtpd_forbid_bare_newline = normalize`
//! and `cleanup_replace_stray_cr_lf`). So the next hop can't see an end where there was none.

use memchr::memchr3;

/// Where in a line the next octet stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Behind CRLF, or at the beginning: a dot means something here.
    LineStart,
    /// Anywhere else.
    Middle,
    /// Behind a bare LF: a line begins, but a dot means nothing.
    BareLf,
    /// Behind a CR whose meaning the next octet decides.
    Cr,
    /// Behind a dot at the start of a line.
    Dot,
    /// Behind a dot at the start of a line, and a CR.
    DotCr,
}

/// Decodes content; `dots` says whether it is DATA's (stuffed, ended by a dot) or BDAT's.
#[derive(Debug, Clone)]
pub struct Decoder {
    at: At,
    dots: bool,
    fresh: bool,
}

/// How far [`Decoder::push`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pushed {
    /// Octets of the input that belong to the content; the rest are commands.
    pub consumed: usize,
    /// Whether the dot that ends DATA was among them.
    pub ended: bool,
}

impl Decoder {
    /// For DATA.
    #[must_use]
    pub fn for_data() -> Self {
        Self { at: At::LineStart, dots: true, fresh: true }
    }

    /// For all chunks of one message by BDAT.
    #[must_use]
    pub fn for_bdat() -> Self {
        Self { at: At::LineStart, dots: false, fresh: true }
    }

    /// Takes octets in and appends what they mean to `out`, at most twice as many.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Pushed {
        let mut rest = input;
        while let Some((&octet, behind)) = rest.split_first() {
            self.fresh = false;
            if matches!(self.at, At::Middle | At::BareLf) {
                let run = memchr3(b'\r', b'\n', 0, rest).unwrap_or(rest.len());
                let (plain, behind) = rest.split_at(run);
                out.extend_from_slice(plain);
                if !plain.is_empty() {
                    self.at = At::Middle;
                }
                let Some((&special, behind)) = behind.split_first() else { break };
                self.in_line(special, out);
                rest = behind;
                continue;
            }
            rest = behind;
            if self.edge(octet, out) {
                return Pushed { consumed: input.len() - rest.len(), ended: true };
            }
        }
        Pushed { consumed: input.len(), ended: false }
    }

    /// One octet at a line's edge; true if it ended DATA.
    fn edge(&mut self, octet: u8, out: &mut Vec<u8>) -> bool {
        match (self.at, octet) {
            (At::DotCr, b'\n') => {
                self.at = At::LineStart;
                return true;
            }
            (At::LineStart, b'.') if self.dots => self.at = At::Dot,
            (At::Dot, b'\r') => self.at = At::DotCr,
            // CRLF . LF: not an end, and the dot was somebody's text.
            (At::Dot, b'\n') => {
                out.push(b'.');
                self.in_line(octet, out);
            }
            (At::Cr, b'\n') => {
                out.extend_from_slice(b"\r\n");
                self.at = At::LineStart;
            }
            (At::Cr | At::DotCr, _) => {
                out.push(b' ');
                self.in_line(octet, out);
            }
            // RFC 5321 §4.5.2: the first dot of a line with more on it is taken off.
            (At::LineStart | At::Middle | At::BareLf | At::Dot, _) => self.in_line(octet, out),
        }
        false
    }

    fn in_line(&mut self, octet: u8, out: &mut Vec<u8>) {
        self.at = At::Middle;
        match octet {
            b'\r' => self.at = At::Cr,
            b'\n' => {
                out.extend_from_slice(b"\r\n");
                self.at = At::BareLf;
            }
            0 => out.push(b' '),
            _ => out.push(octet),
        }
    }

    /// Ends BDAT's content: a last line without its CRLF gets one.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.at == At::Cr {
            out.push(b' ');
        }
        if !self.fresh && !matches!(self.at, At::LineStart | At::BareLf) {
            out.extend_from_slice(b"\r\n");
        }
        self.at = At::LineStart;
    }
}

/// Encodes content for DATA: dots doubled at the starts of lines, and the dot that ends it.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// How the content so far ends.
    tail: Tail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    LineStart,
    Cr,
    Middle,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { tail: Tail::LineStart }
    }
}

impl Encoder {
    /// Appends content, whose lines end in CRLF, to `out`.
    pub fn push(&mut self, content: &[u8], out: &mut Vec<u8>) {
        for line in content.split_inclusive(|octet| *octet == b'\n') {
            if self.tail == Tail::LineStart && line.first() == Some(&b'.') {
                out.push(b'.');
            }
            out.extend_from_slice(line);
            let before = if line.len() == 1 && self.tail == Tail::Cr {
                Some(&b'\r')
            } else {
                line.iter().rev().nth(1)
            };
            self.tail = match (line.last(), before) {
                (Some(b'\n'), Some(b'\r')) => Tail::LineStart,
                (Some(b'\r'), _) => Tail::Cr,
                _ => Tail::Middle,
            };
        }
    }

    /// Appends the end: a missing CRLF, and the dot.
    pub fn finish(self, out: &mut Vec<u8>) {
        if self.tail != Tail::LineStart {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
    }
}

#[cfg(test)]
mod tests;
