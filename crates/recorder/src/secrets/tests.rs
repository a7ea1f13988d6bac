use super::*;

fn check(text: &str, expected: Option<&str>) {
    assert_eq!(replace(text, |secret| secret.len() as u64).replaced.as_deref(), expected, "{text}");
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

/// Checks a text in which `LEAK` is everywhere that is secret.
fn check_hidden(text: &str) {
    let replaced = replace(text, |_| 0).replaced.unwrap_or_else(|| panic!("nothing found: {text:?}"));
    assert!(!replaced.contains("LEAK"), "{text:?} became {replaced:?}");
}

#[test]
fn keys_are_found_after_every_escape() {
    for before in [
        "\u{1b}[31m",
        "\u{1b}[01;31m\u{1b}[K",
        "\u{1b}(B\u{1b}[m",
        "\u{1b}]0;",
        r"\u001b[1m",
        r"\x1b[0;32m",
        r"\033[K",
        r"\e[4m",
        "%1B[m",
        "^[[31m",
        "[01;31m",
        "%3D",
        "%253d",
        "%20",
        r"\u003d",
        r"\\u003D",
        r"\n",
        r"\\\\t",
        r#"\\\""#,
        "&quot;",
        "&#61;",
        "&#x3D;",
        "&amp;lt;",
        "key=3D",
        "\u{a0}",
        "+",
        "-",
        "  12\t",
    ] {
        check_hidden(&format!("x{before}sk-LEAK7Q2x9PvT4sKd8WmZ"));
        check_hidden(&format!("x{before}AKIALEAKLEAKLEAK7Q2X"));
        check_hidden(&format!("x{before}Bearer LEAK7Q2x9PvT4sKd8WmZ"));
    }
    // A search for the beginning of a key colors just that.
    check(
        "\u{1b}[01;31m\u{1b}[Ksk-\u{1b}[m\u{1b}[Kabcdefghijklmnop rest",
        Some("\u{1b}[01;31m\u{1b}[K[redacted:api_key:00000013] rest"),
    );
    check(
        "\u{1b}[36mapi_key\u{1b}[m=\u{1b}[33mabcdefgh12\u{1b}[m",
        Some("\u{1b}[36mapi_key\u{1b}[m=\u{1b}[33m[redacted:api_key:0000000a]\u{1b}[m"),
    );
}

#[test]
fn private_keys_are_found_in_every_form() {
    let key = [
        "-----BEGIN RSA PRIVATE KEY-----",
        "MIIELEAKQ2x9PvT4sKd8WmZ1bNc/abc+",
        "LEAKcd==",
        "-----END RSA PRIVATE KEY-----",
    ];
    let lines = |before: &str, after: &str| key.map(|line| format!("{before}{line}{after}")).join("\n");
    let plain = key.join("\n");
    let json = serde_json::to_string(&key).expect("JSON");
    for text in [
        &plain,
        &lines("+", ""),
        &lines("-", ""),
        &lines("     7\t", ""),
        &lines("7: ", "\r"),
        &lines("\u{1b}[32m+", "\u{1b}[m"),
        &lines("    \"", "\\n\""),
        &plain.replace('\n', "\\n"),
        &plain.replace('\n', "%0A").replace(' ', "%20"),
        &plain.replace('\n', "%0A").replace(' ', "+"),
        &plain.replace("PRIVATE", "\u{1b}[01;31m\u{1b}[KPRIVATE\u{1b}[m\u{1b}[K"),
        &json,
        &serde_json::to_string(&json).expect("JSON"),
        &key[..3].join("\n"),
        &key[1..].join("\n"),
        &plain
            .replace("-----", "----")
            .replace("----BEGIN", "---- BEGIN")
            .replace("----END", "---- END")
            .replace("KEY----", "KEY ----"),
    ] {
        check_hidden(text);
    }
    check_hidden("PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\nLEAKabcdefabcdef=\nPrivate-MAC: LEAK01\n");
    // What only names a key's first line stays, and so does what follows a key that is cut off.
    check(r#"grep -r "-----BEGIN RSA PRIVATE KEY-----" src && ls"#, None);
    let cut_off = "-----BEGIN PRIVATE KEY-----\nMIIEabcdefghijklmnop\nMIIE\n\n$ ls -la\nfile";
    check(cut_off, Some("[redacted:private_key:00000036]\n$ ls -la\nfile"));
}

#[test]
fn values_are_found_by_their_names() {
    for text in [
        "aws_secret_access_key = wJalrLEAK75K7MDENGbPxRfiCY",
        r#"{"access_token":"LEAK73aaaaaaaaaa","token_type":"bearer"}"#,
        r#"{\\\"refresh_token\\\": \\\"LEAK73aaaaaaaaaa\\\"}"#,
        "&quot;client_secret&quot;:&quot;LEAK73aaaaaaaaaa&quot;",
        "?x=1&access_token=LEAKaaaaaaa&y",
        "x%26id_token%3DLEAK73aaaaaaaaaa%26y",
        "export DB_PASSWORD=LEAK,(p)",
        "-e GH_TOKEN=LEAKabcd",
        "<password>LEAKpw</password>",
        "config['api_key'] = 'LEAK73aaaaaaaaaa'",
        "{'api_key': u'LEAK73aaaaaaaaaa'}",
        "app --password LEAKpw1 run",
        r#"["--api-key","LEAK73aaaaaaaaaa"]"#,
        "--token=LEAK73aaaaaaaaaa",
        r#"{"name":"API_SECRET","value":"LEAK73aaaaaaaaaa"}"#,
        r#"<add key="ClearTextPassword" value="LEAKpw12" />"#,
        "//registry.example/:_authToken=LEAK1234-1234",
        "machine h login me password LEAKpw",
        "machine h\n  login me\n  password LEAKpw\n",
        r#"{"auths":{"h":{"auth":"LEAKcjpwYXNzd29y"}}}"#,
        "    client-key-data: LEAKS0tLS1CRUdJTiBSU0E=",
        "AccountName=x;AccountKey=LEAKabc+/12==;EndpointSuffix=y",
        "Server=x;Uid=sa;Pwd=LEAKpw!1;",
        "https://h/c?sv=2020&sig=LEAK%2Fabc123%3D",
        "Set-Cookie: sid=LEAKabc; Path=/",
        r#"{"set-cookie":["a=LEAK12; x","b=LEAK34"]}"#,
        "Authorization: LEAK73aaaaaaaaaa",
        "Authorization: Basic dXNLEAKpwYXNzd29yZA==",
        "proxy-authorization: Digest username=\"LEAKme\", response=\"LEAK6629\"\r\n",
        "Authorization: AWS4-HMAC-SHA256 Credential=LEAKID/x, Signature=LEAK01",
        "curl -H 'Authorization: Token LEAK73aaaaaaaaaa' h",
        "curl -u me:LEAKpw h",
        "postgres://u:LEAKp%40ss@db:5432/x",
        "https%3A%2F%2Fu%3ALEAKpw1%40host",
        "https://LEAKtokentokentoken12@h/x.git",
        "https://hooks.slack.com/services/T0/B0/LEAKabcdefghijklm",
        "https://discord.com/api/webhooks/1234567890/LEAKabcdefghijk",
        "https://x.webhook.office.com/webhookb2/LEAK-12@aa/IncomingWebhook/LEAK12/x",
        "eyJhbGciOiJIUzI1NiJ9.eyJLEAKzdWIiOiI.LEAKsignature",
        "3aB8Q~LEAKabcdefghijklmnopqrstuvwxyz0123",
        "123456789:AALEAKdefghijklmnopqrstuvwxyz012345",
    ] {
        check_hidden(text);
    }
}

#[test]
fn ids_hashes_and_code_stay() {
    for text in [
        "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "0199a213-81c0-7800-8aa1-bbab2a035a53",
        r#"{"call_id":"call_abcdEFGH0123456789abcd","id":"rs_0199a21381c07800"}"#,
        r#"{"prompt_cache_key":"0199a213-81c0","previous_response_id":"resp_1234567890abcdef"}"#,
        r#"{"session_id":"0199a213-81c0-7800-8aa1-bbab2a035a53"}"#,
        r#"{"token":" hello","logprob":-0.1}"#,
        "max_output_tokens: 4096",
        "next_page_token: CAUQAA1234567890abcdef",
        "PWD=/home/user/project",
        "let token = lexer.next_token()?;",
        "token: Option<String>,",
        "pub access_token: SecretString,",
        "client_secret: ClientSecretV2,",
        "password = getpass.getpass()",
        "password = config.db1.password",
        "api_key = os.environ[\"OPENAI_API_KEY\"]",
        "secret: ${{ secrets.DEPLOY_KEY }}",
        "\"api_key\": \"YOUR_API_KEY\"",
        "\"password\": {\"type\": \"string\"}",
        "\"required\": [\"access_token\", \"password\"]",
        "Authorization: required for all endpoints",
        "Basic understanding of internationalization",
        "cookie: CookieJar = CookieJar::new()",
        "docker run -u 1000:1000 image",
        "ssh://git@github.com/x and user@example.com: hello",
        "https://h/?code=200&key=name",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----",
    ] {
        check(text, None);
        check(&serde_json::to_string(text).expect("JSON"), None);
    }
}

#[test]
fn an_encoded_picture_stays() {
    // Each beginning of a key that can occur in a long text in Base64 occurs in it.
    let noise: String = (0..4000_u32).map(|n| char::from(b"aZ9bY8-_+/"[(n * n % 97 % 10) as usize])).collect();
    for beginning in ["sk-", "hf_", "AKIA", "EAAA", "SK", "AIza", "cmVmd", "1//0"] {
        let text = format!("{}_{beginning}{}", &noise[..2000], &noise[2000..]);
        check(&text, None);
    }
}

/// Returns a document's strings after redaction.
fn documents(document: &serde_json::Value) -> String {
    let redaction = crate::redaction::Redaction::new(crate::Redactor::common_secrets());
    let mut json = serde_json::to_vec(document).expect("JSON");
    redaction.apply_to_json(&mut json, 0);
    String::from_utf8(json).expect("text")
}

#[test]
fn places_say_what_a_string_is() {
    use serde_json::json;
    let begin = "-----BEGIN RSA PRIVATE KEY-----";
    let end = "-----END RSA PRIVATE KEY-----";
    for document in [
        json!([begin, "LEAK68", end]),
        json!({"lines": [begin, "Proc-Type: 4,LEAK", "", "LEAK68"], "after": 1}),
        json!([format!("+{begin}"), "+LEAKab", format!("+{end}")]),
        json!(["1\u{2192}-----BEGIN PRIVATE KEY-----", "2\u{2192}LEAKab"]),
        json!([{"n": 1, "text": begin}, {"n": 2, "text": "MIIELEAKabcdefghijklmnopqrstuv"}]),
        json!({"client_secret": "LEAK73aaaaaaaaaa"}),
        json!({"headers": {"set-cookie": ["LEAK=LEAK", "b=LEAK"], "Authorization": ["Bearer LEAKabc123"]}}),
        json!([["x-api-key", "LEAK73aaaaaaaaaa"], ["Authorization", "Hawk mac=\"LEAK=\""]]),
        json!({"env": [{"name": "DB_PASSWORD", "value": "LEAKpw"}]}),
        json!(["run", "--password", "LEAKpw", "--verbose"]),
    ] {
        let redacted = documents(&document);
        assert!(!redacted.contains("LEAK"), "{redacted}");
    }
    for document in [
        json!([begin, "LEAK68", end, "stays"]),
        json!([[begin, "LEAK68"], "stays"]),
        json!({"a": [begin, "LEAK68"], "password": null, "b": "stays"}),
        json!(["--password", "LEAKpw", "stays"]),
        json!({"type": "function", "name": "stays", "value": "stays"}),
        json!({"cookie": {"path": "stays"}}),
        json!({"password": {"type": "string", "default": "stays"}}),
        json!({"token": "stays", "password": 1, "x": "stays"}),
    ] {
        assert!(documents(&document).contains("stays"), "{document}");
    }
}

mod properties {
    use proptest::{prelude::*, sample::select};
    use serde_json::json;

    use super::{documents, replace};

    /// A secret's text: what can be told from its beginning or from the name before it.
    fn secret() -> impl Strategy<Value = (String, String)> {
        let body = "[a-z][A-Z][0-9][A-Za-z0-9]{37}";
        let form = select(vec![
            "sk-{}",
            "ghp_{}",
            "github_pat_{}",
            "glpat-{}",
            "xoxb-{}",
            "AKIA{}",
            "AIza{}",
            "ya29.{}",
            "npm_{}",
            "hf_{}",
            "GOCSPX-{}",
            "hvs.{}",
            "Bearer {}",
            "Authorization: {}",
            "authorization: Digest {}",
            "Cookie: sid={}",
            "api_key={}",
            "\"access_token\": \"{}\"",
            "'client_secret': '{}'",
            "\"refresh_token\":\"{}\"",
            "id_token={}",
            "AWS_SECRET_ACCESS_KEY={}",
            "AccountKey={};",
            "&X-Amz-Signature={}",
            "\"SharedAccessKey\": \"{}\"",
            "--password {}",
            "\"name\": \"GH_TOKEN\", \"value\": \"{}\"",
            "https://user:{}@host/",
            "?sig={}",
            "eyJhbGciOiJub25lIn0.eyJ{}.{}",
            "https://hooks.slack.com/services/{}",
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
            "-----BEGIN EC PRIVATE KEY-----\n{}",
            "machine h login u password {}",
            "{\"auths\": {\"h\": {\"auth\": \"{}\"}}}",
        ]);
        (body, form).prop_map(|(body, form)| (form.replace("{}", &body), body))
    }

    /// Writes a text as something that it may be part of.
    fn wrapped(text: &str, way: u8) -> String {
        let quoted = |text: &str| serde_json::to_string(text).expect("JSON");
        match way {
            0 => quoted(text),
            1 => format!("{{\"output\":{},\"exit_code\":0}}", quoted(text)),
            2 => text
                .bytes()
                .map(|byte| match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
                    byte => format!("%{byte:02X}"),
                })
                .collect(),
            3 => text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('\'', "&#39;"),
            4 => format!("\u{1b}[01;31m\u{1b}[K{text}\u{1b}[m\u{1b}[K"),
            5 => text.lines().enumerate().map(|(line, text)| format!("{:6}\t{text}\n", line + 1)).collect(),
            6 => text.lines().map(|line| format!("+{line}\n")).collect(),
            7 => format!("before\n{text}\nafter"),
            8 => quoted(&quoted(text)),
            _ => text.to_owned(),
        }
    }

    proptest! {
        #[test]
        fn known_secrets_are_hidden_in_all_contexts((text, body) in secret(), ways in prop::collection::vec(0..10_u8, 0..4)) {
            let text = ways.iter().fold(text, |text, way| wrapped(&text, *way));
            let hidden = |redacted: &str| !body.as_bytes().windows(8).any(|part| redacted.as_bytes().windows(8).any(|found| found == part));
            let replaced = replace(&text, |_| 0).replaced;
            prop_assert!(replaced.as_deref().is_some_and(hidden), "{} became {:?}", text, replaced);
            let lines: Vec<_> = text.lines().collect();
            for document in [
                json!(text),
                json!({"output": [1, text]}),
                json!({"a": {"b": text}, "c": [[text]]}),
                json!({"lines": lines}),
            ] {
                let redacted = documents(&document);
                prop_assert!(hidden(&redacted), "{} became {}", document, redacted);
                prop_assert!(serde_json::from_str::<serde_json::Value>(&redacted).is_ok());
            }
        }

        #[test]
        fn no_text_makes_it_panic(text: String, dense in "([\\\\%&\u{1b}\\[\\]\"'=:>~-]|BEGIN|END| PRIVATE KEY|password|token|25|amp;|u001b|sk-|eyJ|\u{e4}|x3D|\n| ){0,60}") {
            for text in [&text, &dense] {
                let replaced = replace(text, |_| 0).replaced;
                prop_assert!(replaced.is_none_or(|replaced| replaced.contains("[redacted:")));
            }
        }
    }
}
