//! Which octets may stand in which token (RFC 3501 §9).

/// `ATOM-CHAR = <any CHAR except atom-specials>`
///
/// `atom-specials = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials`
#[must_use]
pub const fn is_atom_char(octet: u8) -> bool {
    is_astring_char(octet) && octet != b']'
}

/// `ASTRING-CHAR = ATOM-CHAR / resp-specials`, with `resp-specials = "]"`
#[must_use]
pub const fn is_astring_char(octet: u8) -> bool {
    is_argument_char(octet) && !matches!(octet, b'%' | b'*' | b'\\')
}

/// What Dovecot takes in an unquoted argument: `list-char` and `\` too.
#[must_use]
pub const fn is_argument_char(octet: u8) -> bool {
    octet.is_ascii_graphic() && !matches!(octet, b'(' | b')' | b'{' | b'"')
}

/// `quoted-specials = DQUOTE / "\"`
#[must_use]
pub const fn is_quoted_special(octet: u8) -> bool {
    matches!(octet, b'"' | b'\\')
}
