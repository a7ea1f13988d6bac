//! Secrets that start with letters of their own.

/// A secret that is known by its first letters.
#[derive(Debug)]
pub(super) struct Prefix {
    text: &'static str,
    rest: Rest,
}

/// What follows the prefix.
#[derive(Clone, Copy, Debug)]
enum Rest {
    /// At least this many bytes that may belong to a key. All that follow belong to it.
    Key(usize),
    /// At least this many letters and digits, and then whatever may belong to a key.
    Alphanumeric(usize),
    /// Exactly this many letters and digits.
    Exactly(usize),
    /// Exactly this many hexadecimal digits.
    Hex(usize),
}

use Rest::{Alphanumeric, Exactly, Hex, Key};

const fn prefix(text: &'static str, rest: Rest) -> Prefix {
    Prefix { text, rest }
}

/// The prefixes, ordered by their first bytes. Each has three bytes at least.
///
/// `docs/redaction.md` says whose they are.
const PREFIXES: &[Prefix] = &[
    prefix("1//0", Key(30)),
    prefix("4b1d", Exactly(38)),
    prefix("A3-", Key(26)),
    prefix("A3T", Exactly(17)),
    prefix("ABIA", Alphanumeric(16)),
    prefix("ABSK", Alphanumeric(40)),
    prefix("ACCA", Exactly(16)),
    prefix("AGE-SECRET-KEY-1", Alphanumeric(16)),
    prefix("AIza", Key(30)),
    prefix("AKCp", Alphanumeric(60)),
    prefix("AKIA", Alphanumeric(16)),
    prefix("API-", Exactly(26)),
    prefix("AQ.", Key(30)),
    prefix("AQVN", Key(35)),
    prefix("ASIA", Alphanumeric(16)),
    prefix("ATATT3", Key(60)),
    prefix("ATBB", Alphanumeric(24)),
    prefix("ATCTT3", Key(60)),
    prefix("CCIPAT_", Key(20)),
    prefix("CLOJARS_", Alphanumeric(40)),
    prefix("EAA", Alphanumeric(80)),
    prefix("EAAA", Key(56)),
    prefix("EZAK", Exactly(54)),
    prefix("EZTK", Exactly(54)),
    prefix("FLWSECK-", Key(30)),
    prefix("FLWSECK_TEST-", Key(12)),
    prefix("GOCSPX-", Key(20)),
    prefix("GR1348941", Key(20)),
    prefix("HRKU-", Key(30)),
    prefix("LTAI", Alphanumeric(16)),
    prefix("NRAK-", Alphanumeric(20)),
    prefix("NRII-", Key(20)),
    prefix("NRIQ-", Key(20)),
    prefix("NRJS-", Alphanumeric(16)),
    prefix("PMAK-", Key(40)),
    prefix("SG.", Key(40)),
    prefix("SK", Hex(32)),
    prefix("api_org_", Alphanumeric(30)),
    prefix("cmVmd", Exactly(59)),
    prefix("csk-", Key(30)),
    prefix("dapi", Hex(32)),
    prefix("dckr_oat_", Key(20)),
    prefix("dckr_pat_", Key(20)),
    prefix("discord.com/api/webhooks/", Key(20)),
    prefix("discordapp.com/api/webhooks/", Key(20)),
    prefix("dnkey-", Key(40)),
    prefix("doo_v1_", Key(30)),
    prefix("dop_v1_", Key(30)),
    prefix("dor_v1_", Key(30)),
    prefix("dp.audit.", Key(30)),
    prefix("dp.ct.", Key(30)),
    prefix("dp.pt.", Key(30)),
    prefix("dp.sa.", Key(30)),
    prefix("dp.scim.", Key(30)),
    prefix("dp.st.", Key(30)),
    prefix("dt0c01.", Key(40)),
    prefix("duffel_live_", Key(30)),
    prefix("duffel_test_", Key(30)),
    prefix("figd_", Key(30)),
    prefix("fio-u-", Key(40)),
    prefix("fm1a_", Key(40)),
    prefix("fm1r_", Key(40)),
    prefix("fm2_", Key(40)),
    prefix("fo1_", Key(30)),
    prefix("gho_", Key(30)),
    prefix("ghp_", Key(30)),
    prefix("ghr_", Key(30)),
    prefix("ghs_", Key(30)),
    prefix("ghu_", Key(30)),
    prefix("github_pat_", Key(30)),
    prefix("glagent-", Key(16)),
    prefix("glc_", Key(32)),
    prefix("glcbt-", Key(16)),
    prefix("gldt-", Key(16)),
    prefix("glffct-", Key(16)),
    prefix("glft-", Key(16)),
    prefix("glimt-", Key(16)),
    prefix("gloas-", Key(16)),
    prefix("glpat-", Key(16)),
    prefix("glptt-", Key(16)),
    prefix("glrt-", Key(16)),
    prefix("glsa_", Key(32)),
    prefix("glsoat-", Key(16)),
    prefix("glwt-", Key(16)),
    prefix("gsk_", Alphanumeric(30)),
    prefix("hf_", Key(30)),
    prefix("hooks.slack.com/services/", Key(20)),
    prefix("hooks.slack.com/triggers/", Key(20)),
    prefix("hooks.slack.com/workflows/", Key(20)),
    prefix("hvb.", Key(60)),
    prefix("hvr.", Key(60)),
    prefix("hvs.", Key(24)),
    prefix("ico-", Exactly(32)),
    prefix("lin_api_", Key(30)),
    prefix("lin_oauth_", Key(30)),
    prefix("lsv2_pt_", Key(30)),
    prefix("lsv2_sk_", Key(30)),
    prefix("npm_", Key(30)),
    prefix("ntn_", Alphanumeric(40)),
    prefix("nvapi-", Key(40)),
    prefix("ops_eyJ", Key(60)),
    prefix("p8e-", Alphanumeric(30)),
    prefix("pat-eu1-", Key(30)),
    prefix("pat-na1-", Key(30)),
    prefix("phc_", Alphanumeric(36)),
    prefix("phx_", Alphanumeric(36)),
    prefix("pnu_", Alphanumeric(36)),
    prefix("pplx-", Alphanumeric(40)),
    prefix("pscale_oauth_", Key(30)),
    prefix("pscale_pw_", Key(30)),
    prefix("pscale_tkn_", Key(30)),
    prefix("pul-", Hex(40)),
    prefix("pypi-", Key(30)),
    prefix("r8_", Exactly(37)),
    prefix("rdme_", Alphanumeric(40)),
    prefix("rk_live_", Key(16)),
    prefix("rk_prod_", Key(16)),
    prefix("rk_test_", Key(16)),
    prefix("rubygems_", Hex(48)),
    prefix("s-s4t2af-", Hex(64)),
    prefix("s-s4t2ud-", Hex(64)),
    prefix("sbp_", Hex(40)),
    prefix("secret_", Exactly(43)),
    prefix("sgp_", Key(40)),
    prefix("sha256~", Key(40)),
    prefix("shippo_live_", Hex(40)),
    prefix("shippo_test_", Hex(40)),
    prefix("shpat_", Hex(32)),
    prefix("shpca_", Hex(32)),
    prefix("shppa_", Hex(32)),
    prefix("shpss_", Hex(32)),
    prefix("sk-", Key(16)),
    prefix("sk_", Hex(48)),
    prefix("sk_live_", Key(16)),
    prefix("sk_prod_", Key(16)),
    prefix("sk_test_", Key(16)),
    prefix("sl.", Key(100)),
    prefix("sm_aat_", Exactly(16)),
    prefix("sm_pat_", Exactly(16)),
    prefix("sm_sat_", Exactly(16)),
    prefix("sntrys_", Key(40)),
    prefix("sntryu_", Hex(64)),
    prefix("sq0atp-", Key(20)),
    prefix("sq0csp-", Key(30)),
    prefix("tfp_", Key(40)),
    prefix("tk-us-", Key(40)),
    prefix("tvly-", Key(20)),
    prefix("whsec_", Key(24)),
    prefix("xai-", Alphanumeric(40)),
    prefix("xapp-", Key(16)),
    prefix("xkeysib-", Key(40)),
    prefix("xoxa-", Key(16)),
    prefix("xoxb-", Key(16)),
    prefix("xoxc-", Key(16)),
    prefix("xoxd-", Key(16)),
    prefix("xoxe-", Key(16)),
    prefix("xoxe.", Key(16)),
    prefix("xoxo-", Key(16)),
    prefix("xoxp-", Key(16)),
    prefix("xoxr-", Key(16)),
    prefix("xoxs-", Key(16)),
    prefix("xsmtpsib-", Key(40)),
    prefix("xwfp-", Key(16)),
    prefix("ya29.", Key(16)),
];

/// One bit for each of the possible hashes of a prefix's first two bytes. Most words are not looked up.
const BEGINNINGS: [u64; 64] = {
    let mut bits = [0; 64];
    let mut at = 0;
    while at < PREFIXES.len() {
        let text = PREFIXES[at].text.as_bytes();
        let hash = hash(text[0], text[1]);
        bits[hash / 64] |= 1 << (hash % 64);
        at += 1;
    }
    bits
};

/// Where the prefixes with each first byte begin.
const FIRST: [u8; 129] = {
    let mut first = [0; 129];
    let mut at = 0;
    let mut byte = 0;
    while byte < 129 {
        while at < PREFIXES.len() && (PREFIXES[at].text.as_bytes()[0] as usize) < byte {
            at += 1;
        }
        first[byte] = at as u8;
        byte += 1;
    }
    first
};

const fn hash(first: u8, second: u8) -> usize {
    (first as usize & 0x3f) << 6 | second as usize & 0x3f
}

/// Returns the length of the secret that starts at `at`, or `None` if there is none.
#[inline]
pub(super) fn secret_len(text: &[u8], at: usize) -> Option<usize> {
    let [first, second, ..] = text[at..] else { return None };
    let hash = hash(first, second);
    if BEGINNINGS[hash / 64] >> (hash % 64) & 1 == 0 || !first.is_ascii() {
        return None;
    }
    let range = usize::from(FIRST[usize::from(first)])..usize::from(FIRST[usize::from(first) + 1]);
    PREFIXES[range].iter().find_map(|prefix| prefix.secret_len(text, at))
}

impl Prefix {
    fn secret_len(&self, text: &[u8], at: usize) -> Option<usize> {
        let rest = text[at..].strip_prefix(self.text.as_bytes())?;
        // Only as many bytes are looked at as decide, because a text from elsewhere may repeat a prefix all along.
        let count = |max: usize, is_it: fn(&u8) -> bool| rest.iter().take(max).take_while(|byte| is_it(byte)).count();
        let is_it = match self.rest {
            Key(min) => count(min, |byte| is_key_byte(*byte)) == min,
            // A long run of capital letters is more often the beginning of a picture.
            Alphanumeric(min) => {
                count(min, u8::is_ascii_alphanumeric) == min
                    && (min < 60 || rest[..min].iter().any(u8::is_ascii_lowercase))
            }
            Exactly(len) => count(len + 1, u8::is_ascii_alphanumeric) == len,
            Hex(len) => count(len + 1, u8::is_ascii_alphanumeric) == len && count(len, u8::is_ascii_hexdigit) == len,
        };
        if !is_it || is_in_encoded_text(text, at) {
            return None;
        }
        let len = match self.rest {
            Key(_) | Alphanumeric(_) => key_len(rest),
            Exactly(len) | Hex(len) => len,
        };
        Some(self.text.len() + len)
    }
}

/// Returns whether the place at `at` is in the middle of a long text in an encoding, where any letters may occur.
fn is_in_encoded_text(text: &[u8], at: usize) -> bool {
    /// How far back the text is looked at.
    const FAR: usize = 64;
    let before = &text[at.saturating_sub(FAR)..at];
    // A path is as long, but it has hardly any capital letters.
    before.len() == FAR
        && before.iter().all(|byte| is_key_byte(*byte) && *byte != b'.')
        && before.iter().any(u8::is_ascii_uppercase)
}

/// Returns how many of the first bytes may belong to a key.
pub(super) fn key_len(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| is_key_byte(**byte)).count()
}

pub(super) fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_in_order() {
        assert!(PREFIXES.is_sorted_by_key(|prefix| prefix.text));
        assert!(PREFIXES.iter().all(|prefix| prefix.text.is_ascii()));
        for first in 0..128_usize {
            let range = FIRST[first] as usize..FIRST[first + 1] as usize;
            let own = PREFIXES.iter().filter(|prefix| prefix.text.as_bytes()[0] as usize == first).count();
            assert_eq!(range.len(), own);
        }
    }

    /// Every prefix is found with a rest that fits, and not with one that is too short.
    #[test]
    fn every_prefix_is_found() {
        for Prefix { text, rest } in PREFIXES {
            let (Key(len) | Alphanumeric(len) | Exactly(len) | Hex(len)) = *rest;
            let secret = format!("{text}{}", "a1".repeat(len / 2 + 1).get(..len).expect("ASCII"));
            assert_eq!(secret_len(format!("{secret} rest").as_bytes(), 0), Some(secret.len()), "{secret}");
            if !text.starts_with("xoxe") && !text.starts_with("sk") {
                assert_eq!(secret_len(&secret.as_bytes()[..secret.len() - 1], 0), None, "{secret}");
            }
        }
        assert_eq!(secret_len(b"ghz_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0), None);
        assert_eq!(secret_len("\u{e4}".as_bytes(), 0), None);
        assert_eq!(secret_len(b"s", 0), None);
    }
}
