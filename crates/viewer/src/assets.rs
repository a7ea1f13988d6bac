//! The built page, which the program holds.

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asset {
    pub(crate) mime: &'static str,
    pub(crate) bytes: &'static [u8],
}

/// The document that holds the page.
pub(crate) const INDEX: &str = include_str!("../web/dist/index.html");
/// Its one script.
pub(crate) const SCRIPT: &str = include_str!("../web/dist/app.js");
/// Its one style sheet.
pub(crate) const STYLE: &str = include_str!("../web/dist/app.css");

/// Returns the file at a path.
pub(crate) fn asset(path: &str) -> Option<Asset> {
    let (mime, text) = match path {
        "/" => ("text/html; charset=utf-8", INDEX),
        "/app.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "/app.css" => ("text/css; charset=utf-8", STYLE),
        _ => return None,
    };
    Some(Asset { mime, bytes: text.as_bytes() })
}
