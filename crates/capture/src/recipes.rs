//! What makes agents speak to the proxy.

use std::path::Path;

use crate::{Proxy, Upstream, UpstreamError};

/// The upstreams that agents expect: their names, the variables that say where they are, and the provider's address.
const KNOWN: [(&str, &[&str], &str); 5] = [
    ("anthropic", &["ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE"], "https://api.anthropic.com"),
    ("openai", &["OPENAI_BASE_URL", "OPENAI_API_BASE"], "https://api.openai.com/v1"),
    ("gemini", &["GOOGLE_GEMINI_BASE_URL"], "https://generativelanguage.googleapis.com"),
    ("code-assist", &["CODE_ASSIST_ENDPOINT"], "https://cloudcode-pa.googleapis.com"),
    ("vertex", &["GOOGLE_VERTEX_BASE_URL"], "https://aiplatform.googleapis.com"),
];

/// The upstreams to which each name leads, and what a command needs to reach them through a proxy.
///
/// ```
/// use rollout_trace_capture::{Proxy, Recipe, Tap, upstreams};
///
/// let environment = |name: &str| std::env::var(name).ok();
/// let given = vec![("gateway".to_owned(), "https://gateway.example/v1".to_owned())];
/// let proxy = Proxy::start(upstreams(&given, environment)?, |_| None, Tap::closed())?;
/// let recipe = Recipe::of_command("codex", "traces".as_ref(), &proxy, environment);
/// assert!(recipe.variables.iter().any(|(name, _)| name == "OPENAI_BASE_URL"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipe {
    /// Variables to set.
    pub variables: Vec<(String, String)>,
    /// Arguments to insert before those that the command was given.
    pub arguments: Vec<String>,
    /// What a person should know.
    pub remarks: Vec<String>,
}

/// Returns the upstreams: those that are given as names and addresses, and the known ones as the environment has them.
///
/// # Errors
///
/// A name or an address is unusable.
pub fn upstreams(
    given: &[(String, String)],
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Upstream>, UpstreamError> {
    let mut upstreams = Vec::new();
    for (name, address) in given {
        upstreams.retain(|upstream: &Upstream| upstream.name() != name);
        upstreams.push(Upstream::parse(name, address)?);
    }
    for (name, variables, provider) in KNOWN {
        if upstreams.iter().any(|upstream| upstream.name() == name) {
            continue;
        }
        let set = variables.iter().find_map(|variable| environment(variable).filter(|value| !value.trim().is_empty()));
        upstreams.push(Upstream::parse(name, set.as_deref().unwrap_or(provider))?);
    }
    Ok(upstreams)
}

impl Recipe {
    /// Returns what any command needs.
    pub fn common(proxy: &Proxy, environment: impl Fn(&str) -> Option<String>) -> Self {
        let mut variables = Vec::new();
        for (name, names, _) in KNOWN {
            variables.extend(names.iter().map(|variable| ((*variable).to_owned(), proxy.base_url(name))));
        }
        // The command's own proxy settings would send its requests elsewhere.
        for name in ["NO_PROXY", "no_proxy"] {
            let before = environment(name).filter(|list| !list.trim().is_empty());
            let list = before.map_or_else(|| "127.0.0.1".to_owned(), |before| format!("{before},127.0.0.1"));
            variables.push((name.to_owned(), list));
        }
        Self { variables, ..Self::default() }
    }

    /// Returns what a command needs, by the name of its program. `root` is where the traces are that agents write themselves.
    pub fn of_command(program: &str, root: &Path, proxy: &Proxy, environment: impl Fn(&str) -> Option<String>) -> Self {
        let mut recipe = Self::common(proxy, &environment);
        let name = Path::new(program).file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match name.as_str() {
            "codex" => {
                recipe.add_codex_trace(root, &environment);
                recipe.add_codex(proxy, &environment);
            }
            "opencode" => recipe.add_opencode(proxy, &environment),
            "pi" => recipe.remarks.push(format!(
                "pi reads no variable: set providers.anthropic.baseUrl in its models.json to {}",
                proxy.base_url("anthropic")
            )),
            _ => {}
        }
        recipe
    }

    /// Codex writes a trace of its own, which has more than its requests show.
    fn add_codex_trace(&mut self, root: &Path, environment: &impl Fn(&str) -> Option<String>) {
        const ROOT: &str = "CODEX_ROLLOUT_TRACE_ROOT";
        if environment(ROOT).is_none_or(|root| root.is_empty()) {
            self.variables.push((ROOT.to_owned(), root.to_string_lossy().into_owned()));
            self.remarks.push(format!("codex writes its own trace, too, into {} ({ROOT})", root.display()));
        }
    }

    /// Codex does not honor `OPENAI_BASE_URL`. A provider of its own keeps it from asking for a WebSocket.
    fn add_codex(&mut self, proxy: &Proxy, environment: &impl Fn(&str) -> Option<String>) {
        const KEY: &str = "OPENAI_API_KEY";
        if environment(KEY).is_none_or(|key| key.is_empty()) {
            let remark = "codex uses its login, over which nothing is seen here: only its own trace is recorded, unless you \
                          set OPENAI_API_KEY";
            return self.remarks.push(remark.to_owned());
        }
        let provider = format!(
            "model_providers.capture={{name=\"OpenAI\",base_url=\"{}\",wire_api=\"responses\",env_key=\"{KEY}\",\
             supports_websockets=false}}",
            proxy.base_url("openai")
        );
        let arguments = ["-c", "model_provider=\"capture\"", "-c", &provider];
        self.arguments.extend(arguments.map(str::to_owned));
        self.remarks.push("codex is told its provider by -c model_provider and -c model_providers.capture".to_owned());
    }

    /// The variable `ANTHROPIC_BASE_URL` of opencode means an address with the version.
    fn add_opencode(&mut self, proxy: &Proxy, environment: &impl Fn(&str) -> Option<String>) {
        const CONFIG: &str = "OPENCODE_CONFIG_CONTENT";
        if environment(CONFIG).is_some_and(|config| !config.is_empty()) {
            let remark = "OPENCODE_CONFIG_CONTENT is set already and stays: providers are recorded whose baseURL in it \
                          is one of the proxy's";
            return self.remarks.push(remark.to_owned());
        }
        let anthropic = format!("{}/v1", proxy.base_url("anthropic"));
        let google = format!("{}/v1beta", proxy.base_url("gemini"));
        let config = format!(
            r#"{{"provider":{{"anthropic":{{"options":{{"baseURL":"{anthropic}"}}}},"google":{{"options":{{"baseURL":"{google}"}}}}}}}}"#
        );
        self.variables.push((CONFIG.to_owned(), config));
        self.remarks.push("opencode is told its providers by OPENCODE_CONFIG_CONTENT".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tap;

    #[test]
    fn commands_get_what_they_read() {
        let environment = |name: &str| match name {
            "ANTHROPIC_BASE_URL" => Some("http://127.0.0.1:9/gateway".to_owned()),
            "NO_PROXY" => Some("corp.example".to_owned()),
            "OPENAI_API_KEY" => Some("k".to_owned()),
            _ => None,
        };
        let given = [("openai".to_owned(), "http://127.0.0.1:9/v1".to_owned())];
        let upstreams = upstreams(&given, environment).expect("addresses");
        let address = |name: &str| upstreams.iter().find(|upstream| upstream.name() == name).map(Upstream::authority);
        assert_eq!((address("anthropic"), address("openai")), (Some("127.0.0.1:9"), Some("127.0.0.1:9")));
        assert_eq!(address("gemini"), Some("generativelanguage.googleapis.com"));
        let proxy = Proxy::start(upstreams, |_| None, Tap::closed()).expect("a proxy");
        let root = Path::new("/traces");
        let common = Recipe::of_command("/usr/bin/claude", root, &proxy, environment);
        let value =
            |name: &str| common.variables.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
        assert_eq!(value("ANTHROPIC_BASE_URL"), Some(proxy.base_url("anthropic").as_str()));
        assert_eq!(value("NO_PROXY"), Some("corp.example,127.0.0.1"));
        assert_eq!(value("no_proxy"), Some("127.0.0.1"));
        assert!(common.arguments.is_empty() && common.remarks.is_empty());
        let codex = Recipe::of_command("codex.exe", root, &proxy, environment);
        assert!(codex.arguments[3].contains(&proxy.base_url("openai")), "{:?}", codex.arguments);
        assert!(Recipe::of_command("codex", root, &proxy, |_| None).arguments.is_empty(), "a login keeps working");
        let own_trace = |recipe: &Recipe| {
            let set = recipe.variables.iter().find(|(name, _)| name == "CODEX_ROLLOUT_TRACE_ROOT");
            set.map(|(_, value)| value.clone())
        };
        assert_eq!((own_trace(&codex).as_deref(), own_trace(&common)), (Some("/traces"), None));
        let elsewhere = |name: &str| (name == "CODEX_ROLLOUT_TRACE_ROOT").then(|| "/elsewhere".to_owned());
        assert_eq!(own_trace(&Recipe::of_command("codex", root, &proxy, elsewhere)), None, "it is set already");
        let opencode = Recipe::of_command("opencode", root, &proxy, environment);
        let config = &opencode.variables.last().expect("a variable").1;
        assert!(serde_json::from_str::<serde_json::Value>(config).is_ok(), "{config}");
    }
}
