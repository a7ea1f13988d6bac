//! Credentials in headers and addresses.

use super::prefixes::key_len;

/// The least length of a token after `Bearer`.
const MIN_BEARER: usize = 16;

/// The least length of a text in Base64 after `Basic`.
const MIN_BASIC: usize = 8;

/// How much of a header decides whether it has credentials.
const MAX_DECISIVE: usize = 1 << 10;

/// Returns where the credentials are that start with the scheme at `at`, without a header's name before it.
pub(super) fn with_scheme(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let after = |scheme: &str| {
        let end = at + scheme.len();
        let is_it = text.get(at..end)?.eq_ignore_ascii_case(scheme.as_bytes());
        let blanks = text[end..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        (is_it && blanks > 0).then_some(end + blanks)
    };
    if let Some(start) = after("bearer") {
        let len = key_len(&text[start..]);
        return (len >= MIN_BEARER).then_some((start, start + len));
    }
    let start = after("basic")?;
    let len = text[start..].iter().take_while(|byte| is_base64(**byte)).count();
    let has_password = len >= MIN_BASIC && is_user_and_password(&text[start..start + len]);
    has_password.then_some((start, start + len))
}

/// Returns which part of a header's value are credentials. The scheme before them is none.
pub(super) fn in_header(value: &[u8]) -> Option<(usize, usize)> {
    let end = value.trim_ascii_end().len();
    let value = &value[..end];
    let blanks = value.len() - value.trim_ascii_start().len();
    let scheme = value[blanks..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let scheme_len = scheme.count();
    let rest = &value[blanks + scheme_len..];
    let start = match rest.len() - rest.trim_ascii_start().len() {
        // There is no scheme.
        0 => blanks,
        more => blanks + scheme_len + more,
    };
    let decisive = &value[start..end.min(start + MAX_DECISIVE)];
    decisive.split(|byte| matches!(byte, b' ' | b',')).any(looks_random).then_some((start, end))
}

fn looks_random(word: &[u8]) -> bool {
    let has = |is_it: fn(&u8) -> bool| word.iter().any(is_it);
    let is_mixed = || has(u8::is_ascii_lowercase) && word.iter().skip(1).any(u8::is_ascii_uppercase);
    let is_reference = word.iter().any(|byte| matches!(byte, b'$' | b'<' | b'{')) || word.starts_with(b"[redacted");
    word.len() >= 6
        && !is_reference
        && (has(u8::is_ascii_digit) || word.contains(&b'=') || is_mixed() || word.len() >= 20)
}

/// Returns where the password is in an address, of which `://` ends before `at`.
pub(super) fn password_in_address(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let is_end = |byte: &u8| {
        byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'?' | b'#')
    };
    let rest = &text[at..];
    let authority = &rest[..rest.iter().take(512).position(is_end).unwrap_or(rest.len().min(512))];
    let host = authority.iter().rposition(|byte| *byte == b'@')?;
    let (start, password) = match authority[..host].iter().position(|byte| *byte == b':') {
        Some(colon) => (colon + 1, &authority[colon + 1..host]),
        // A token can be the user.
        None if host >= 20 => (0, &authority[..host]),
        None => return None,
    };
    let stands_for_another =
        matches!(password.first(), None | Some(b'$' | b'<' | b'{' | b'%' | b'*')) || password.starts_with(b"[redacted");
    (!stands_for_another).then_some((at + start, at + host))
}

/// Returns the length of the web token (JWT) with which a text starts: at least two parts with a dot between them, of
/// which the first is an object of JSON in Base64.
pub(super) fn web_token_len(text: &[u8]) -> Option<usize> {
    const LEAST_PART: usize = 10;
    const MAX_HEAD: usize = 1 << 11;
    const MAX_CLAIMS: usize = 1 << 13;
    if !text.starts_with(b"eyJ") {
        return None;
    }
    let part_len = |at: usize, max: usize| {
        let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=');
        text[at..].iter().take(max).take_while(is_part).count()
    };
    let head = part_len(0, MAX_HEAD);
    if head < LEAST_PART || text.get(head) != Some(&b'.') {
        return None;
    }
    let claims = part_len(head + 1, MAX_CLAIMS);
    let end = head + 1 + claims;
    let is_web_token = claims >= LEAST_PART && (text[head + 1..].starts_with(b"eyJ") || text.get(end) == Some(&b'.'));
    is_web_token.then(|| end + key_len(&text[end..]))
}

/// Returns whether a text in Base64 stands for printable characters with a colon between them.
pub(super) fn is_user_and_password(text: &[u8]) -> bool {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let mut bits = 0_u32;
    let mut count = 0;
    let mut has_colon = false;
    for byte in text {
        let Some(digit) = digit(*byte) else { break };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            let byte = (bits >> count) as u8;
            if byte.is_ascii_control() {
                return false;
            }
            has_colon |= byte == b':';
        }
    }
    has_colon
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}
