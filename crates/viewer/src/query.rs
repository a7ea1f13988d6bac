//! A call of a page: its name and arguments.

use crate::ApiError;

/// The name of a call and its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) name: String,
    arguments: Vec<(String, String)>,
}

impl Query {
    /// Reads the part of an address after `/api/`, or a name and a query.
    pub(crate) fn new(name: &str, query: &str) -> Self {
        let arguments = form_urlencoded::parse(query.as_bytes());
        Self { name: name.to_owned(), arguments: arguments.into_owned().collect() }
    }

    /// Returns an argument. If it is given several times, the first counts.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.arguments.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns an argument that the call cannot do without.
    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name).ok_or_else(|| {
            ApiError::bad_request(format!("{} needs the argument {name}", self.name), "API.md lists the arguments")
        })
    }

    /// Returns an argument that is a number.
    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            ApiError::bad_request(format!("{name} is {text:?}, which is no number here"), "give a whole number")
        })
    }

    /// Returns whether the call has no arguments besides the name of the rollout.
    pub(crate) fn is_plain(&self) -> bool {
        self.arguments.iter().all(|(name, _)| name == "rollout")
    }
}
