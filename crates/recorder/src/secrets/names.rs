//! The names under which secrets are stored.

/// What the value of a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// The value of an `Authorization` header: a scheme and credentials.
    Authorization,
    /// Cookies.
    Cookie,
    /// A password. It can be any text.
    Password,
    /// A key or token of a kind that is always secret.
    Key,
    /// Something called a token. It may be one of a page, or of a language.
    Token,
    /// The user and the password of a registry, in Base64.
    Registry,
}

/// The maximum length of a name.
pub(super) const MAX_NAME: usize = 64;

/// The ends of names, without separators and in small letters.
const ENDS: &[(&str, Named)] = &[
    ("accesskey", Named::Key),
    ("accesstoken", Named::Key),
    ("accountkey", Named::Key),
    ("adminkey", Named::Key),
    ("apikey", Named::Key),
    ("apitoken", Named::Key),
    ("appkey", Named::Key),
    ("applicationkey", Named::Key),
    ("authkey", Named::Key),
    ("authtoken", Named::Key),
    ("authorization", Named::Authorization),
    ("bearertoken", Named::Key),
    ("bottoken", Named::Key),
    ("clientassertion", Named::Key),
    ("clientkeydata", Named::Key),
    ("codeverifier", Named::Key),
    ("connectionstring", Named::Key),
    ("cookie", Named::Cookie),
    ("csrftoken", Named::Key),
    ("deploykey", Named::Key),
    ("devicecode", Named::Key),
    ("encryptionkey", Named::Key),
    ("idtoken", Named::Key),
    ("integrationkey", Named::Key),
    ("jwt", Named::Key),
    ("licensekey", Named::Key),
    ("masterkey", Named::Key),
    ("oauthtoken", Named::Key),
    ("passphrase", Named::Password),
    ("passwd", Named::Password),
    ("password", Named::Password),
    ("privatekey", Named::Key),
    ("privatetoken", Named::Key),
    ("pwd", Named::Password),
    ("refreshtoken", Named::Key),
    ("samlresponse", Named::Key),
    ("secret", Named::Key),
    ("secretkey", Named::Key),
    ("secretkeybase", Named::Key),
    ("secrettoken", Named::Key),
    ("securitytoken", Named::Key),
    ("servicekey", Named::Key),
    ("servicerolekey", Named::Key),
    ("sessiontoken", Named::Key),
    ("sharedaccesskey", Named::Key),
    ("sharedaccesssignature", Named::Key),
    ("sharedkey", Named::Key),
    ("signingkey", Named::Key),
    ("storagekey", Named::Key),
    ("subscriptionkey", Named::Key),
    ("token", Named::Token),
    ("webhookurl", Named::Key),
    ("xamzsignature", Named::Key),
    ("xgoogsignature", Named::Key),
];

/// Names that end like secrets and are none: tokens of pages and of languages, keys that are public.
const NO_SECRETS: &[&str] = &[
    "canceltoken",
    "continuationtoken",
    "cursortoken",
    "deltatoken",
    "endtoken",
    "eostoken",
    "bostoken",
    "padtoken",
    "unktoken",
    "nextpagetoken",
    "nexttoken",
    "pagetoken",
    "paginationtoken",
    "previouspagetoken",
    "publictoken",
    "skiptoken",
    "starttoken",
    "synctoken",
    "stoptoken",
];

/// Whole names, of which longer names say nothing.
const WHOLE: &[(&str, Named)] = &[
    ("auth", Named::Registry),
    ("identitytoken", Named::Key),
    ("pass", Named::Password),
    ("connectsid", Named::Key),
    ("phpsessid", Named::Key),
    ("jsessionid", Named::Key),
];

/// The names of parameters in the address of a signed request, and of keys in other addresses.
const PARAMETERS: &[(&str, Named)] = &[
    ("sig", Named::Key),
    ("signature", Named::Key),
    ("key", Named::Key),
    ("auth", Named::Key),
    ("code", Named::Token),
    ("sid", Named::Token),
    ("hapikey", Named::Key),
];

/// Returns what the value of this name is, or `None` if it is no secret as far as the name says.
pub(super) fn named(name: &[u8]) -> Option<Named> {
    // Almost all names that are no secrets end with another letter.
    if !matches!(name.last()?.to_ascii_lowercase(), b'a' | b'd' | b'e' | b'g' | b'h' | b'l' | b'n' | b's' | b't' | b'y')
    {
        return None;
    }
    // The current folder, in every environment.
    if matches!(name, b"PWD" | b"OLDPWD") {
        return None;
    }
    let mut plain = [0; MAX_NAME];
    let plain = without_separators(name, &mut plain);
    let named = lookup(WHOLE, |whole| *plain == *whole).or_else(|| {
        // `DB_PASS` and `dbPass`, but not `compass`.
        let is_word = [&b"_pass"[..], b"-pass", b".pass", b"_PASS", b"Pass"].iter().any(|end| name.ends_with(end));
        is_word.then_some(Named::Password)
    });
    let named = named.or_else(|| lookup(ENDS, |end| plain.ends_with(end)))?;
    (!NO_SECRETS.iter().any(|none| plain == none.as_bytes())).then_some(named)
}

/// Returns what the value of a parameter in an address is.
pub(super) fn parameter(name: &[u8]) -> Option<Named> {
    let mut plain = [0; MAX_NAME];
    let plain = without_separators(name, &mut plain);
    lookup(PARAMETERS, |parameter| *plain == *parameter)
}

/// Returns whether the name says that it names another name: `{"name": "API_KEY", "value": "…"}`.
pub(super) fn names_a_name(name: &str) -> bool {
    ["name", "key", "header", "variable", "field", "id"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Returns whether this is the name of the value in such a pair.
pub(super) fn names_a_value(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"value")
}

fn lookup(table: &[(&str, Named)], mut is_it: impl FnMut(&[u8]) -> bool) -> Option<Named> {
    table.iter().find(|(name, _)| is_it(name.as_bytes())).map(|(_, named)| *named)
}

/// Returns the last letters and digits of a name, in small letters.
fn without_separators<'p>(name: &[u8], plain: &'p mut [u8; MAX_NAME]) -> &'p [u8] {
    let mut len = 0;
    for byte in &name[name.len().saturating_sub(MAX_NAME)..] {
        if byte.is_ascii_alphanumeric() {
            plain[len] = byte.to_ascii_lowercase();
            len += 1;
        }
    }
    &plain[..len]
}

/// Returns whether a byte may belong to a name.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for (name, expected) in [
            ("aws_secret_access_key", Some(Named::Key)),
            ("AWS_SECRET_ACCESS_KEY", Some(Named::Key)),
            ("SecretAccessKey", Some(Named::Key)),
            ("X-Api-Key", Some(Named::Key)),
            ("_authToken", Some(Named::Key)),
            ("spring.datasource.password", Some(Named::Password)),
            ("DB_PASS", Some(Named::Password)),
            ("Proxy-Authorization", Some(Named::Authorization)),
            ("set-cookie", Some(Named::Cookie)),
            ("GH_TOKEN", Some(Named::Token)),
            ("auth", Some(Named::Registry)),
            ("PWD", None),
            ("OLDPWD", None),
            ("Pwd", Some(Named::Password)),
            ("db_pwd", Some(Named::Password)),
            ("next_page_token", None),
            ("compass", None),
            ("max_tokens", None),
            ("prompt_cache_key", None),
            ("access_key_id", None),
            ("encrypted_content", None),
            ("author", None),
            ("signature", None),
            ("", None),
        ] {
            assert_eq!(named(name.as_bytes()), expected, "{name}");
        }
    }
}
