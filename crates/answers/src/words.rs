//! Numbers and texts as words for people.

/// Writes a number with a comma between each three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes how many things there are, in words such as "3 lines".
pub(crate) fn counted(count: usize, thing: &str) -> String {
    format!("{} {thing}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
}

/// Writes a number of tokens in a few characters, such as "31k".
pub(crate) fn short(tokens: u64) -> String {
    match tokens {
        0..1000 => tokens.to_string(),
        1000..9950 => format!("{:.1}k", tokens as f64 / 1000.0),
        9950..999_500 => format!("{:.0}k", tokens as f64 / 1000.0),
        _ => format!("{:.1}M", tokens as f64 / 1_000_000.0),
    }
}

/// Writes a duration in a few characters, such as "4 min 12 s".
pub fn duration(ms: u64) -> String {
    let tenths = ms.saturating_add(50) / 100;
    let seconds = ms.saturating_add(500) / 1000;
    match ms {
        0..1000 => format!("{ms} ms"),
        _ if tenths < 600 => format!("{}.{} s", tenths / 10, tenths % 10),
        _ if seconds < 3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", grouped(seconds / 3600), seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let durations = [0, 999, 1000, 59_949, 59_950, 3_599_499, 3_599_500, 360_000_000].map(duration);
        assert_eq!(
            durations,
            ["0 ms", "999 ms", "1.0 s", "59.9 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "100 h 0 min"]
        );
    }

    #[test]
    fn tokens_in_a_few_characters() {
        let tokens = [999, 1000, 9949, 9950, 999_499, 999_500].map(short);
        assert_eq!(tokens, ["999", "1.0k", "9.9k", "10k", "999k", "1.0M"]);
    }

    #[test]
    fn groups_of_three_digits() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
