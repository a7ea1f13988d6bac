//! Reads the lines of a server's output.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// The longest line that is read: as long as the longest event of a model's stream.
pub(crate) const MAX_LINE_BYTES: usize = 64 << 20;

/// How much is kept of the beginning and the end of a longer line, to find out what it answers.
const EDGE_BYTES: usize = 4 << 10;

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Whole(Vec<u8>),
    TooLong { head: Vec<u8>, tail: Vec<u8>, length: usize },
}

/// Reads the next line. Returns `None` at the end of the output. The last line need not have an end.
pub(crate) async fn next_line(output: &mut (impl AsyncBufRead + Unpin), limit: usize) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    // The beginning of a line that is too long; `line` then holds its end.
    let mut head: Option<Vec<u8>> = None;
    let mut length = 0;
    loop {
        let bytes = output.fill_buf().await?;
        if bytes.is_empty() && length == 0 {
            return Ok(None);
        }
        let end = memchr::memchr(b'\n', bytes);
        let piece = &bytes[..end.unwrap_or(bytes.len())];
        length += piece.len();
        line.extend_from_slice(piece);
        let is_last = end.is_some() || bytes.is_empty();
        let used = piece.len() + usize::from(end.is_some());
        output.consume(used);
        if length > limit {
            head.get_or_insert_with(|| line[..EDGE_BYTES.min(line.len())].to_vec());
            let excess = line.len().saturating_sub(EDGE_BYTES);
            line.drain(..excess);
        }
        if is_last {
            return Ok(Some(match head {
                Some(head) => Line::TooLong { head, tail: line, length },
                None => Line::Whole(line),
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::*;

    async fn lines(text: &[u8], limit: usize, buffer: usize) -> Vec<Line> {
        let mut output = BufReader::with_capacity(buffer, text);
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut output, limit).await.unwrap() {
            lines.push(line);
        }
        lines
    }

    #[tokio::test]
    async fn lines_of_any_length() {
        let whole = |text: &str| Line::Whole(text.as_bytes().to_vec());
        for buffer in [1, 2, 3, 100] {
            assert_eq!(lines(b"", 9, buffer).await, []);
            assert_eq!(lines(b"\n\na\n", 9, buffer).await, [whole(""), whole(""), whole("a")]);
            assert_eq!(lines(b"123456789\nno end", 9, buffer).await, [whole("123456789"), whole("no end")]);
        }
        let long = "x".repeat(2 * EDGE_BYTES) + &"y".repeat(2 * EDGE_BYTES);
        for buffer in [1000, 1 << 20] {
            let read = lines(format!("{long}\nnext\n").as_bytes(), 3 * EDGE_BYTES, buffer).await;
            let (head, tail) = (vec![b'x'; EDGE_BYTES], vec![b'y'; EDGE_BYTES]);
            assert_eq!(read, [Line::TooLong { head, tail, length: 4 * EDGE_BYTES }, whole("next")]);
        }
    }
}
