//! Input to a terminal whose lines may be longer than it holds.

use rustix::termios::{InputModes, LocalModes, SpecialCodeIndex, Termios};

/// The longest piece of a line that is written at once. Linux holds 4,095 bytes of a line and drops the rest; other
/// systems hold 1,024.
const PIECE_BYTES: usize = if cfg!(target_os = "linux") { 4000 } else { 1000 };

/// How much of the current line the terminal holds.
///
/// A terminal in line mode passes on a line when it is complete. Its end-of-file character also passes on what there is
/// of a line: written in the middle of a line, it makes room for the rest, and the reader sees the same bytes. Only at
/// the beginning of a line would it mean the end of the input.
#[derive(Debug, Default)]
pub(crate) struct InputLine {
    held: usize,
    /// Whether the number is uncertain: the input has edited the line.
    is_edited: bool,
    /// Whether the terminal takes the next character literally.
    is_quoted: bool,
}

/// What to write next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This many bytes of the input.
    Input(usize),
    /// This character, which is not part of the input.
    PassOn(u8),
}

impl InputLine {
    /// Returns what to write next. The input is not empty.
    pub(crate) fn next(&self, input: &[u8], terminal: &Termios) -> Next {
        let end_of_file = terminal.special_codes[SpecialCodeIndex::VEOF];
        let mut line = Self { ..*self };
        // A terminal takes no more at once.
        let input = &input[..input.len().min(2 * PIECE_BYTES)];
        for (count, byte) in input.iter().enumerate() {
            let ends_here = line.is_end(*byte, terminal) || *byte == end_of_file;
            if line.held >= PIECE_BYTES && !line.is_edited && !line.is_quoted && !ends_here && end_of_file != 0 {
                return if count == 0 { Next::PassOn(end_of_file) } else { Next::Input(count) };
            }
            line.take(*byte, terminal);
        }
        Next::Input(input.len())
    }

    /// Notes what was written.
    pub(crate) fn written(&mut self, input: &[u8], terminal: &Termios) {
        input.iter().for_each(|byte| self.take(*byte, terminal));
    }

    fn take(&mut self, byte: u8, terminal: &Termios) {
        let code = |index| terminal.special_codes[index] == byte && byte != 0;
        let is_line_mode = terminal.local_modes.contains(LocalModes::ICANON);
        if !is_line_mode || self.is_end(byte, terminal) || code(SpecialCodeIndex::VEOF) && !self.is_quoted {
            *self = Self::default();
            return;
        }
        let is_extended = terminal.local_modes.contains(LocalModes::IEXTEN);
        let was_quoted = std::mem::take(&mut self.is_quoted);
        self.is_quoted = !was_quoted && is_extended && code(SpecialCodeIndex::VLNEXT);
        let edits = [SpecialCodeIndex::VERASE, SpecialCodeIndex::VKILL, SpecialCodeIndex::VWERASE];
        let signals = [SpecialCodeIndex::VINTR, SpecialCodeIndex::VQUIT, SpecialCodeIndex::VSUSP];
        self.is_edited |= !was_quoted && edits.into_iter().chain(signals).any(code);
        self.held += 1;
    }

    fn is_end(&self, byte: u8, terminal: &Termios) -> bool {
        let code = |index| terminal.special_codes[index] == byte && byte != 0;
        let is_newline = match byte {
            b'\n' => true,
            b'\r' => terminal.input_modes.contains(InputModes::ICRNL),
            _ => code(SpecialCodeIndex::VEOL) || code(SpecialCodeIndex::VEOL2),
        };
        is_newline && !self.is_quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EOF: u8 = 4;

    /// Returns the settings of a new terminal.
    fn terminal() -> Termios {
        let (_host, end) = pty_process::blocking::open().unwrap();
        rustix::termios::tcgetattr(&end).unwrap()
    }

    /// Returns all that is written for an input that is taken in pieces of a length.
    fn written(input: &[u8], terminal: &Termios, most: usize) -> Vec<u8> {
        let (mut line, mut rest, mut written) = (InputLine::default(), input, Vec::new());
        while !rest.is_empty() {
            match line.next(rest, terminal) {
                Next::PassOn(code) => {
                    written.push(code);
                    line.written(&[code], terminal);
                }
                Next::Input(count) => {
                    let (now, later) = rest.split_at(count.min(most));
                    written.extend_from_slice(now);
                    line.written(now, terminal);
                    rest = later;
                }
            }
        }
        written
    }

    #[test]
    fn long_lines_are_passed_on_in_pieces() {
        let terminal = terminal();
        for most in [61, PIECE_BYTES, 1 << 20] {
            let same = |input: &[u8]| assert_eq!(written(input, &terminal, most), input);
            same(b"short\nlines\n");
            same(&[b'x'; PIECE_BYTES]);
            same(&[&[b'x'; PIECE_BYTES][..], b"\n", &[b'y'; PIECE_BYTES], &[EOF], &[b'z'; PIECE_BYTES]].concat());
            // An edited line may be shorter than it seems, and the character must not end the input.
            same(&[&[0x15][..], &[b'x'; 2 * PIECE_BYTES]].concat());

            let long = [&[b'x'; 2 * PIECE_BYTES + 1][..], b"\nnext\n"].concat();
            let piece = [&[b'x'; PIECE_BYTES][..], &[EOF]].concat();
            assert_eq!(written(&long, &terminal, most), [&piece[..], &piece, b"x\nnext\n"].concat());
            // The character is not written where it would be taken literally.
            let quoted = [&[b'x'; PIECE_BYTES - 1][..], &[0x16, 0x01], b"yy"].concat();
            let expected = [&quoted[..PIECE_BYTES + 1], &[EOF], b"yy"].concat();
            assert_eq!(written(&quoted, &terminal, most), expected);
        }
    }

    #[test]
    fn a_terminal_that_does_not_wait_for_lines_gets_the_input_as_it_is() {
        let mut terminal = terminal();
        terminal.make_raw();
        let long = [b'x'; 3 * PIECE_BYTES];
        assert_eq!(written(&long, &terminal, 100), long);
    }
}
