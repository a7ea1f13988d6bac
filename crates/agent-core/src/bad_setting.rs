//! Settings with which nothing works.

use reqwest::{Url, header::HeaderValue};

use crate::AgentConfig;

/// A setting with which every run would fail.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{key}` {problem}")]
pub struct BadSetting {
    key: &'static str,
    problem: String,
}

impl AgentConfig {
    /// Checks what would otherwise fail only once it is used.
    ///
    /// # Errors
    ///
    /// The URL is none that can be asked, the model has no name, the key fits into no header, or a limit lets nothing happen. The error
    /// names the setting as configuration files do.
    pub fn check(&self) -> Result<(), BadSetting> {
        let bad = |key, problem: String| Err(BadSetting { key, problem });
        let base_url = &self.provider.base_url;
        match Url::parse(base_url) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                return bad("base_url", format!("has to begin with http:// or https://, and is {base_url}"));
            }
            Ok(_) => {}
            Err(error) => return bad("base_url", format!("is {base_url}, which is no URL: {error}")),
        }
        if self.model.trim().is_empty() {
            return bad("model", "is empty: every request names one".to_owned());
        }
        if self.provider.api_key.as_ref().is_some_and(|key| HeaderValue::from_str(key).is_err()) {
            return bad("api_key_env", "names a variable whose value has characters that no key has".to_owned());
        }
        let zeros = [
            ("stream_idle_ms", self.stream_idle_limit.is_zero()),
            ("compaction.at_tokens", self.compaction.at_tokens.is_some_and(|tokens| tokens <= 0)),
            ("commands.time_limit_secs", self.commands.time_limit_secs == Some(0)),
            ("commands.max_sessions", self.commands.max_sessions == Some(0)),
            ("agents.max_threads", self.agents.max_threads == 0),
        ];
        match zeros.into_iter().find(|(_, is_zero)| *is_zero) {
            Some((key, _)) => bad(key, "has to be more than 0: nothing works within that limit".to_owned()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConfigFile, Provider};

    fn problem(text: &str) -> String {
        let url = "http://127.0.0.1:1/v1".to_owned();
        let provider = Provider { name: "test".to_owned(), base_url: url, api_key: None };
        let config = toml::from_str::<ConfigFile>(text).unwrap().applied_to(AgentConfig::new(provider, "m", "."));
        config.check().map_or_else(|error| error.to_string(), |()| "none".to_owned())
    }

    #[test]
    fn a_bad_setting_is_named() {
        assert_eq!(problem(""), "none");
        assert_eq!(
            problem("base_url = 'ftp://a/v1'"),
            "`base_url` has to begin with http:// or https://, and is ftp://a/v1"
        );
        assert_eq!(problem("base_url = '/v1'"), "`base_url` is /v1, which is no URL: relative URL without a base");
        assert_eq!(problem("model = ' '"), "`model` is empty: every request names one");
        let zero = "has to be more than 0: nothing works within that limit";
        assert_eq!(problem("stream_idle_ms = 0"), format!("`stream_idle_ms` {zero}"));
        assert_eq!(problem("compaction = { at_tokens = 0 }"), format!("`compaction.at_tokens` {zero}"));
        assert_eq!(problem("commands = { max_sessions = 0 }"), format!("`commands.max_sessions` {zero}"));
        assert_eq!(problem("retries = 0\nfirst_retry_ms = 0\nagents = { max_depth = 0, max_threads = 1 }"), "none");
    }
}
