//! What holds of every diagram.

pub(crate) fn check(text: &str) {
    assert!(text.len() < 50_000, "Mermaid draws it");
    let arrows = text.lines().filter(|line| ["->>", "-x", "->"].iter().any(|arrow| line.contains(arrow))).count();
    assert!(arrows <= 201);
    let is_kept = |c: char| c.is_alphanumeric() || " _-./:,()[]=+*!?'@·".contains(c);
    for line in text.lines().skip(1) {
        assert!(line.len() < 400, "lines are short: {line}");
        // What is left without our own syntax is safe.
        let mut rest = line.to_owned();
        for syntax in ["<br/>", "-->>", "->>", "-->|", "|", "->", "\\n", "\"", ";", "{", "}"] {
            rest = rest.replace(syntax, "");
        }
        assert!(rest.chars().all(is_kept), "{line}");
    }
}
