//! Finding common secrets in text.

/// The beginnings of secrets: a prefix at the start of a word, the kind of secret, and how many more characters it must
/// have.
const PREFIXES: &[(&str, &str, usize)] = &[
    ("sk-", "api_key", 16),
    ("sk_live_", "api_key", 16),
    ("sk_test_", "api_key", 16),
    ("rk_live_", "api_key", 16),
    ("ghp_", "api_key", 30),
    ("gho_", "api_key", 30),
    ("ghu_", "api_key", 30),
    ("ghs_", "api_key", 30),
    ("ghr_", "api_key", 30),
    ("github_pat_", "api_key", 30),
    ("glpat-", "api_key", 16),
    ("xoxa-", "api_key", 16),
    ("xoxb-", "api_key", 16),
    ("xoxp-", "api_key", 16),
    ("xoxr-", "api_key", 16),
    ("xoxs-", "api_key", 16),
    ("xapp-", "api_key", 16),
    ("AKIA", "api_key", 16),
    ("ASIA", "api_key", 16),
    ("AIza", "api_key", 30),
    ("npm_", "api_key", 30),
    ("pypi-", "api_key", 30),
    ("hf_", "api_key", 30),
];

const BEARER: &str = "bearer";
const MIN_BEARER: usize = 16;
const KEY_BEGIN: &str = "-----BEGIN ";
const KEY_END: &str = "-----END ";

/// Replaces each secret in `text` by a mark with the hash of the secret. Returns `None` if there is no secret.
pub(crate) fn replace(text: &str, hash: impl Fn(&str) -> u64) -> Option<String> {
    let mut out: Option<String> = None;
    let mut copied = 0;
    let mut at = 0;
    while at < text.len() {
        let Some((start, end, kind)) = secret_at(text, at) else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        let out = out.get_or_insert_with(String::new);
        out.push_str(&text[copied..start]);
        out.push_str(&format!("[redacted:{kind}:{:08x}]", hash(&text[start..end]) as u32));
        (copied, at) = (end, end);
    }
    out.map(|mut out| {
        out.push_str(&text[copied..]);
        out
    })
}

/// Returns the start, the end and the kind of the secret at `at`, if there is one. A token starts after the word that
/// announces it.
fn secret_at(text: &str, at: usize) -> Option<(usize, usize, &'static str)> {
    let bytes = text.as_bytes();
    match bytes[at] {
        b'-' => private_key(text, at),
        b'b' | b'B' if is_word_start(bytes, at) => {
            let head = bytes.get(at..at + BEARER.len())?;
            let blanks = bytes[at + BEARER.len()..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            let start = at + BEARER.len() + blanks;
            let len = if blanks == 0 { 0 } else { key_len(&bytes[start..]) };
            (head.eq_ignore_ascii_case(BEARER.as_bytes()) && len >= MIN_BEARER).then_some((
                start,
                start + len,
                "bearer_token",
            ))
        }
        b's' | b'r' | b'g' | b'x' | b'A' | b'n' | b'p' | b'h' if is_word_start(bytes, at) => {
            let (prefix, kind, _) = PREFIXES.iter().find(|(prefix, _, min)| {
                bytes[at..].starts_with(prefix.as_bytes()) && key_len(&bytes[at + prefix.len()..]) >= *min
            })?;
            Some((at, at + prefix.len() + key_len(&bytes[at + prefix.len()..]), kind))
        }
        _ => None,
    }
}

/// Returns the private key in PEM armor at `at`, from the first dash to the last, or to the end of the text if the key
/// has no end.
fn private_key(text: &str, at: usize) -> Option<(usize, usize, &'static str)> {
    let rest = text[at..].strip_prefix(KEY_BEGIN)?;
    let label = &rest[..rest.find("-----")?];
    let is_private = label.ends_with("PRIVATE KEY") || label.ends_with("PRIVATE KEY BLOCK");
    if !is_private || label.contains('\n') {
        return None;
    }
    let end = format!("{KEY_END}{label}-----");
    let end = text[at..].find(&end).map_or(text.len(), |found| at + found + end.len());
    Some((at, end, "private_key"))
}

/// Returns whether a word may begin at `at`. Arguments and outputs of tools are often JSON text in a string, where the
/// letter before the word may belong to an escape.
fn is_word_start(bytes: &[u8], at: usize) -> bool {
    match bytes[..at] {
        [.., b'\\', b'b' | b'f' | b'n' | b'r' | b't'] => true,
        [.., b'\\', b'u', a, b, c, d] if [a, b, c, d].iter().all(u8::is_ascii_hexdigit) => true,
        [.., before] => !before.is_ascii_alphanumeric(),
        [] => true,
    }
}

/// Returns how many of the first bytes may belong to a key.
fn key_len(bytes: &[u8]) -> usize {
    let is_key =
        |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'=');
    bytes.iter().take_while(is_key).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(replace(text, |secret| secret.len() as u64).as_deref(), expected, "{text}");
    }

    #[test]
    fn secrets_are_replaced() {
        check("nothing to see", None);
        check("key=sk-abcdefghijklmnop0123, rest", Some("key=[redacted:api_key:00000017], rest"));
        check("sk-proj-abcdefghijklmnop", Some("[redacted:api_key:00000018]"));
        check("Bearer abcdefghijklmnop.q==;", Some("Bearer [redacted:bearer_token:00000014];"));
        check("AKIAABCDEFGHIJKLMNOP", Some("[redacted:api_key:00000014]"));
        let key = "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----";
        check(&format!("ä{key}ö{key}"), Some("ä[redacted:private_key:00000041]ö[redacted:private_key:00000041]"));
        check("-----BEGIN PRIVATE KEY-----\nabc", Some("[redacted:private_key:0000001f]"));
        check("-----BEGIN PGP PRIVATE KEY BLOCK-----\nabc", Some("[redacted:private_key:00000029]"));
        check("BEARER \t abcdefghijklmnop", Some("BEARER \t [redacted:bearer_token:00000010]"));
        check(r#"{\"a\":\"\nsk-abcdefghijklmnop\"}"#, Some(r#"{\"a\":\"\n[redacted:api_key:00000013]\"}"#));
        check(r"\u0020AKIAABCDEFGHIJKLMNOP", Some(r"\u0020[redacted:api_key:00000014]"));
        check(r"\tBearer abcdefghijklmnop", Some(r"\tBearer [redacted:bearer_token:00000010]"));
    }

    #[test]
    fn what_only_looks_like_a_secret_stays() {
        check("task-abcdefghijklmnop0123", None);
        check("sk-short", None);
        check("bearer of bad news that is long", None);
        check("bearerabcdefghijklmnopqrstuvwxyz", None);
        check("-----BEGIN CERTIFICATE-----\nabc", None);
        check("risk-averse-and-very-long-word", None);
        check("ß-----BEGIN ", None);
    }
}
