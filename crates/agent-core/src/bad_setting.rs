//! Checks a configuration.

use reqwest::{Url, header::HeaderValue};

use crate::AgentConfig;

/// An invalid setting, with which every run would fail.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{key}` {problem}")]
pub struct BadSetting {
    key: &'static str,
    problem: String,
}

impl AgentConfig {
    /// Checks the settings that would otherwise fail only when they are used.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is not an HTTP URL, the model has no name, the API key does not fit into a header,
    /// or a limit is zero. The error names the setting as in configuration files.
    pub fn check(&self) -> Result<(), BadSetting> {
        let bad = |key, problem: String| Err(BadSetting { key, problem });
        let base_url = &self.provider.base_url;
        match Url::parse(base_url) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                return bad("base_url", format!("is {base_url}, but must begin with http:// or https://"));
            }
            Ok(_) => {}
            Err(error) => return bad("base_url", format!("is {base_url}, which is not a URL: {error}")),
        }
        if self.model.trim().is_empty() {
            return bad("model", "is empty, but every request must name a model".to_owned());
        }
        if self.provider.api_key.as_ref().is_some_and(|key| HeaderValue::from_str(key).is_err()) {
            return bad(
                "api_key_env",
                "names a variable whose value contains characters that are not allowed in a key".to_owned(),
            );
        }
        let zeros = [
            ("stream_idle_ms", self.stream_idle_limit.is_zero()),
            ("compaction.at_tokens", self.compaction.at_tokens.is_some_and(|tokens| tokens <= 0)),
            ("commands.time_limit_secs", self.commands.time_limit_secs == Some(0)),
            ("commands.max_sessions", self.commands.max_sessions == Some(0)),
            ("agents.max_threads", self.agents.max_threads == 0),
            ("mcp_servers.NAME.start_limit_secs", self.mcp_servers.iter().any(|server| server.start_limit.is_zero())),
            ("mcp_servers.NAME.call_limit_secs", self.mcp_servers.iter().any(|server| server.call_limit.is_zero())),
        ];
        match zeros.into_iter().find(|(_, is_zero)| *is_zero) {
            Some((key, _)) => bad(key, "must be greater than 0".to_owned()),
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
            "`base_url` is ftp://a/v1, but must begin with http:// or https://"
        );
        assert_eq!(problem("base_url = '/v1'"), "`base_url` is /v1, which is not a URL: relative URL without a base");
        assert_eq!(problem("model = ' '"), "`model` is empty, but every request must name a model");
        let zero = "must be greater than 0";
        assert_eq!(problem("stream_idle_ms = 0"), format!("`stream_idle_ms` {zero}"));
        assert_eq!(problem("compaction = { at_tokens = 0 }"), format!("`compaction.at_tokens` {zero}"));
        assert_eq!(problem("commands = { max_sessions = 0 }"), format!("`commands.max_sessions` {zero}"));
        let server = "mcp_servers = { a = { command = 'x', start_limit_secs = 0 } }";
        assert_eq!(problem(server), format!("`mcp_servers.NAME.start_limit_secs` {zero}"));
        assert_eq!(problem("retries = 0\nfirst_retry_ms = 0\nagents = { max_depth = 0, max_threads = 1 }"), "none");
    }
}
