//! Parser of command lines into words, as a shell splits them, without running a shell.

/// Pipeline of simple commands.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    /// Words of each command.
    pub(super) commands: Vec<Vec<Vec<u8>>>,
    /// Content of a here-document, which is the standard input of the first command.
    pub(super) input: Option<Vec<u8>>,
}

/// Token of a command line.
enum Piece {
    Word(Vec<u8>),
    Pipe,
    End,
}

/// Parses a text in the syntax of a POSIX shell or bash (`'…'`, `"…"`, `$'…'`, `\`) into pipelines, each with its first
/// line number. An expansion or an input redirection is an error.
pub(super) fn posix(text: &[u8]) -> Vec<(u64, Result<Pipeline, String>)> {
    let mut found = Vec::new();
    let mut lines = Words { text, at: 0, documents: Vec::new(), input: None };
    loop {
        lines.skip_blank_lines();
        if lines.at >= text.len() {
            return found;
        }
        let line = 1 + memchr::memchr_iter(b'\n', &text[..lines.at]).count() as u64;
        let read = pipeline(&mut || lines.next());
        if read.is_err() {
            lines.skip_to_line_end();
        }
        // The here-document follows on the next lines even if its command is invalid.
        let documents = lines.read_documents();
        let input = lines.input.take();
        let pipeline = read.and_then(|commands| documents.map(|()| Pipeline { commands, input }));
        if !matches!(&pipeline, Ok(pipeline) if pipeline.commands.iter().all(Vec::is_empty)) {
            found.push((line, pipeline));
        }
    }
}

fn pipeline(next: &mut dyn FnMut() -> Result<Piece, String>) -> Result<Vec<Vec<Vec<u8>>>, String> {
    let mut commands: Vec<Vec<Vec<u8>>> = vec![Vec::new()];
    loop {
        match next()? {
            Piece::Word(word) => commands.last_mut().map_or((), |command| command.push(word)),
            Piece::Pipe => commands.push(Vec::new()),
            Piece::End => return Ok(commands),
        }
    }
}

struct Words<'t> {
    text: &'t [u8],
    at: usize,
    /// Here-documents whose lines are not read yet.
    documents: Vec<Document>,
    /// Standard input from a here-document or here-string.
    input: Option<Vec<u8>>,
}

/// Here-document (POSIX, "Here-Document"): the delimiter, whether the delimiter is quoted, and whether leading tabs are
/// removed.
struct Document {
    end: Vec<u8>,
    quoted: bool,
    without_tabs: bool,
}

impl Words<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn skip_blank_lines(&mut self) {
        while self.peek(0).is_some_and(|byte| byte.is_ascii_whitespace() || byte == b';') {
            self.at += 1;
        }
    }

    fn skip_to_line_end(&mut self) {
        let rest = &self.text[self.at.min(self.text.len())..];
        self.at += memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
    }

    fn next(&mut self) -> Result<Piece, String> {
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(b' ' | b'\t' | b'\r'), _) => self.at += 1,
                (Some(b'\\'), Some(b'\n')) => self.at += 2,
                (Some(b'\\'), Some(b'\r')) if self.peek(2) == Some(b'\n') => self.at += 3,
                (Some(b'#'), _) => {
                    let rest = &self.text[self.at..];
                    self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                }
                (None, _) => return Ok(Piece::End),
                (Some(b'\n' | b';'), _) => {
                    self.at += 1;
                    return Ok(Piece::End);
                }
                (Some(b'&'), second) => {
                    self.at += 1 + usize::from(second == Some(b'&'));
                    return Ok(Piece::End);
                }
                (Some(b'|'), second) => {
                    self.at += 1 + usize::from(second == Some(b'|'));
                    return Ok(if second == Some(b'|') { Piece::End } else { Piece::Pipe });
                }
                // Output redirection does not change the request.
                (Some(b'>'), _) => self.skip_redirection()?,
                (Some(digit), Some(b'>')) if digit.is_ascii_digit() => {
                    self.at += 1;
                    self.skip_redirection()?;
                }
                (Some(b'<'), Some(b'<')) => self.document()?,
                (Some(byte @ (b'<' | b'(' | b')')), _) => {
                    return Err(format!("{:?} needs a shell, which an import does not run", char::from(byte)));
                }
                _ => return self.word().map(Piece::Word),
            }
        }
    }

    fn word(&mut self) -> Result<Vec<u8>, String> {
        let mut word = Vec::new();
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')' => {
                    self.at -= 1;
                    break;
                }
                b'\'' => {
                    let rest = &self.text[self.at..];
                    let end = memchr::memchr(b'\'', rest).ok_or("unclosed '")?;
                    word.extend_from_slice(&rest[..end]);
                    self.at += end + 1;
                }
                b'"' => self.double_quoted(&mut word)?,
                b'$' if self.peek(0) == Some(b'\'') => {
                    self.at += 1;
                    let start = word.len();
                    self.ansi_c(&mut word)?;
                    // bash ends the text at a NUL byte.
                    if let Some(nul) = memchr::memchr(0, &word[start..]) {
                        word.truncate(start + nul);
                    }
                }
                b'$' if self.peek(0) == Some(b'"') => {}
                b'$' | b'`' => self.expansion(byte, &mut word)?,
                b'\\' => match self.peek(0) {
                    Some(b'\n') => self.at += 1,
                    Some(next) => {
                        word.push(next);
                        self.at += 1;
                    }
                    None => word.push(b'\\'),
                },
                byte => word.push(byte),
            }
        }
        Ok(word)
    }

    /// Parses `<<END`, `<<-END` or `<<< text`.
    fn document(&mut self) -> Result<(), String> {
        self.at += 2;
        let here_string = self.peek(0) == Some(b'<');
        let without_tabs = self.peek(0) == Some(b'-');
        self.at += usize::from(here_string || without_tabs);
        while matches!(self.peek(0), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        let start = self.at;
        let word = self.word()?;
        if here_string {
            self.input = Some([word, b"\n".to_vec()].concat());
            return Ok(());
        }
        let quoted = self.text[start..self.at].iter().any(|byte| matches!(byte, b'\'' | b'"' | b'\\'));
        self.documents.push(Document { end: word, quoted, without_tabs });
        Ok(())
    }

    /// Reads the lines of the pending here-documents.
    fn read_documents(&mut self) -> Result<(), String> {
        let mut read = Ok(());
        for document in std::mem::take(&mut self.documents) {
            let mut text = Vec::new();
            while self.at < self.text.len() {
                let rest = &self.text[self.at..];
                let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
                self.at += end;
                let mut line = &rest[..end];
                while let Some(bare) = line.strip_prefix(b"\t").filter(|_| document.without_tabs) {
                    line = bare;
                }
                if line.trim_ascii_end() == document.end.as_slice() {
                    break;
                }
                text.extend_from_slice(line);
            }
            if !document.quoted && text.iter().any(|byte| matches!(byte, b'$' | b'`')) {
                read = Err("the here-document has a $ or `, which a shell expands. Write the value instead".into());
            }
            self.input = Some(text);
        }
        read
    }

    fn skip_redirection(&mut self) -> Result<(), String> {
        while matches!(self.peek(0), Some(b'>' | b'&' | b'|')) {
            self.at += 1;
        }
        while matches!(self.peek(0), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        self.word().map(drop)
    }

    /// Accepts a literal `$`, and rejects an expansion.
    fn expansion(&mut self, byte: u8, word: &mut Vec<u8>) -> Result<(), String> {
        let begins = |next: u8| next.is_ascii_alphanumeric() || b"_({@*#?$!-".contains(&next);
        if byte == b'$' && !self.peek(0).is_some_and(begins) {
            word.push(byte);
            return Ok(());
        }
        let rest = &self.text[self.at..];
        let shown: String = String::from_utf8_lossy(&rest[..rest.len().min(20)]).into_owned();
        Err(format!("a shell would expand {}{shown:?}. Write the value instead", char::from(byte)))
    }

    fn double_quoted(&mut self, word: &mut Vec<u8>) -> Result<(), String> {
        loop {
            let byte = self.peek(0).ok_or("unclosed \"")?;
            self.at += 1;
            match (byte, self.peek(0)) {
                (b'"', _) => return Ok(()),
                (b'\\', Some(b'\n')) => self.at += 1,
                (b'\\', Some(next @ (b'"' | b'\\' | b'$' | b'`'))) => {
                    word.push(next);
                    self.at += 1;
                }
                (b'$' | b'`', _) => self.expansion(byte, word)?,
                (byte, _) => word.push(byte),
            }
        }
    }

    /// Parses the rest of `$'…'` (bash manual, "ANSI-C Quoting").
    fn ansi_c(&mut self, word: &mut Vec<u8>) -> Result<(), String> {
        loop {
            let byte = self.peek(0).ok_or("unclosed $'")?;
            self.at += 1;
            if byte == b'\'' {
                return Ok(());
            }
            if byte != b'\\' {
                word.push(byte);
                continue;
            }
            let escape = self.peek(0).ok_or("unclosed $'")?;
            self.at += 1;
            match escape {
                b'a' => word.push(7),
                b'b' => word.push(8),
                b'e' | b'E' => word.push(27),
                b'f' => word.push(12),
                b'n' => word.push(b'\n'),
                b'r' => word.push(b'\r'),
                b't' => word.push(b'\t'),
                b'v' => word.push(11),
                b'\\' | b'\'' | b'"' | b'?' => word.push(escape),
                b'x' => match self.number(16, 2) {
                    Some(byte) => word.push(byte as u8),
                    None => word.extend_from_slice(b"\\x"),
                },
                b'u' | b'U' => {
                    let digits = if escape == b'u' { 4 } else { 8 };
                    let character =
                        self.number(16, digits).and_then(char::from_u32).ok_or("invalid \\u escape in $'…'")?;
                    word.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                b'0'..=b'7' => {
                    self.at -= 1;
                    word.push(self.number(8, 3).unwrap_or_default() as u8);
                }
                other => word.extend_from_slice(&[b'\\', other]),
            }
        }
    }

    fn number(&mut self, radix: u32, most: usize) -> Option<u32> {
        let rest = &self.text[self.at..];
        let length = rest.iter().take(most).take_while(|byte| char::from(**byte).is_digit(radix)).count();
        let number = u32::from_str_radix(std::str::from_utf8(&rest[..length]).ok()?, radix).ok()?;
        self.at += length;
        Some(number)
    }
}

/// Parses commands in the syntax of Windows: `cmd.exe` removes the carets, and the program removes the quotes
/// (Microsoft C runtime, "Parsing C command-line arguments"). Chromium doubles every backslash, which the runtime does
/// not undo. In a command with Chromium's `^"`, this function undoes it.
pub(super) fn windows(text: &[u8]) -> Vec<(u64, Result<Pipeline, String>)> {
    let doubled = memchr::memmem::find(text, b"^\"").is_some();
    let mut found = Vec::new();
    let (mut line, mut at) = (1, 0);
    while at < text.len() {
        let (arguments, end) = without_carets(&text[at..]);
        let words = words_of_windows(&arguments, doubled);
        if !words.is_empty() {
            found.push((line, Ok(Pipeline { commands: vec![words], input: None })));
        }
        line += memchr::memchr_iter(b'\n', &text[at..at + end]).count() as u64;
        at += end;
    }
    found
}

/// Returns the next command without carets, and the position of the command after it.
fn without_carets(text: &[u8]) -> (Vec<u8>, usize) {
    let (mut command, mut at, mut quoted) = (Vec::new(), 0, false);
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'^' if !quoted => {
                // A caret removes the line end after it. The next character is literal, even another line end.
                let line_end = match text.get(at..) {
                    Some([b'\r', b'\n', ..]) => 2,
                    Some([b'\n', ..]) => 1,
                    _ => 0,
                };
                at += line_end;
                match text.get(at..) {
                    Some([b'\r', b'\n', ..]) => {
                        command.push(b'\n');
                        at += 2;
                    }
                    Some([next, ..]) if line_end == 0 || *next == b'\n' => {
                        command.push(*next);
                        at += 1;
                    }
                    _ => {}
                }
            }
            b'&' | b'\n' if !quoted => return (command, at),
            b'\n' => {
                // `cmd.exe` ends a command at the end of the line, even inside quotes.
                return (command, at);
            }
            b'"' => {
                quoted = !quoted;
                command.push(byte);
            }
            b'\r' if text.get(at) == Some(&b'\n') => {}
            byte => command.push(byte),
        }
    }
    (command, at)
}

fn words_of_windows(command: &[u8], doubled: bool) -> Vec<Vec<u8>> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<Vec<u8>>, false);
    let mut at = 0;
    while let Some(&byte) = command.get(at) {
        at += 1;
        match byte {
            b' ' | b'\t' if !quoted => words.extend(word.take()),
            b'\\' => {
                let slashes = 1 + command[at..].iter().take_while(|byte| **byte == b'\\').count();
                at += slashes - 1;
                let word = word.get_or_insert_default();
                if command.get(at) == Some(&b'"') {
                    word.extend(std::iter::repeat_n(b'\\', slashes / 2));
                    if slashes % 2 == 1 {
                        word.push(b'"');
                        at += 1;
                    }
                } else {
                    word.extend(std::iter::repeat_n(b'\\', if doubled { slashes.div_ceil(2) } else { slashes }));
                }
            }
            b'"' if quoted && command.get(at) == Some(&b'"') => {
                word.get_or_insert_default().push(b'"');
                at += 1;
            }
            b'"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            byte => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let (_, pipeline) = posix(text.as_bytes()).into_iter().next().expect("a command");
        pipeline
            .expect("it reads")
            .commands
            .concat()
            .into_iter()
            .map(|word| String::from_utf8(word).expect("text"))
            .collect()
    }

    #[test]
    fn splits_words_like_bash() {
        // The expected words were printed by bash.
        assert_eq!(
            words(r#"a 'b c' "d \" \$ \\ e" f\ g 'it'\''s' $'x\ny\'\x41\u00e9\101'"#),
            ["a", "b c", "d \" $ \\ e", "f g", "it's", "x\ny'Aé\u{41}"]
        );
        assert_eq!(words("a \\\n  b \\\r\n c # comment"), ["a", "b", "c"]);
        assert_eq!(words("a $ 'x$y' \"100$\""), ["a", "$", "x$y", "100$"]);
    }

    #[test]
    fn splits_commands_and_rejects_expansions() {
        let read = |text: &str| {
            posix(text.as_bytes()).into_iter().map(|(line, p)| (line, p.map(|p| p.commands.len()))).collect::<Vec<_>>()
        };
        assert_eq!(read("a b ;\nc\n\nprintf x | d"), [(1, Ok(1)), (2, Ok(1)), (4, Ok(2))]);
        for text in ["a $HOME", "a `id`", "a \"$(id)\"", "a < /etc/passwd", "a 'never closed"] {
            assert!(read(&format!("{text}\nb"))[0].1.is_err(), "{text}");
        }
        assert!(read("a `id`\nb c")[1].1.is_ok(), "the next line is parsed again");
        assert!(read("").is_empty() && read(" \n;;\n").is_empty());
    }

    #[test]
    fn removes_carets_and_quotes_of_windows_commands() {
        let read = |text: &str| -> Vec<Vec<String>> {
            windows(text.as_bytes())
                .into_iter()
                .map(|(_, p)| {
                    p.expect("it reads")
                        .commands
                        .concat()
                        .into_iter()
                        .map(|w| String::from_utf8(w).expect("text"))
                        .collect()
                })
                .collect()
        };
        assert_eq!(
            read(
                "curl ^\"http://a/?x=1^&y=2^\" ^\r\n  -H ^\"A: ^\\^\"q^\\^\"^\" ^\r\n  --data-raw ^\"one^\n\ntwo 100^%^\" &\r\ncurl \"http://b/^&\" -H \"x: \\\"y\\\"\""
            ),
            [
                vec!["curl", "http://a/?x=1&y=2", "-H", "A: \"q\"", "--data-raw", "one\ntwo 100%"],
                vec!["curl", "http://b/^&", "-H", "x: \"y\""]
            ]
        );
    }
}
