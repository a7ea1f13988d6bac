//! Surrogate pairs that are split between two pieces of a text.

/// Joins a piece of text with the half of a surrogate pair at the end of the piece before. `halves` are the halves in this
/// piece, each of which is U+FFFD in it.
pub(super) fn joined(half: &mut Option<u16>, mut piece: String, halves: &[u16]) -> String {
    if let Some(first) = half.take() {
        let second = halves.first().filter(|_| piece.starts_with('\u{fffd}')).copied();
        let pair = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
        match pair {
            Some(pair) => piece.replace_range(..'\u{fffd}'.len_utf8(), pair.encode_utf8(&mut [0; 4])),
            None => piece.insert(0, '\u{fffd}'),
        }
    }
    if let Some(last @ 0xd800..=0xdbff) = halves.last()
        && piece.ends_with('\u{fffd}')
    {
        piece.pop();
        *half = Some(*last);
    }
    piece
}
