//! JSON Lines, with one request per line. Imports also accept pretty-printed requests and arrays of requests.

use std::{
    io::{BufRead, Read},
    ops::ControlFlow,
};

use hookbench_content::json_values;

use super::{BOM, ENTRY_MAX, GROWN_MAX, ImportError, Record, Take, json_array::each, object};

/// Returns the line of a request.
pub(super) fn line(record: &Record) -> Result<Vec<u8>, String> {
    let mut line = serde_json::to_vec(record).map_err(|e| e.to_string())?;
    line.push(b'\n');
    Ok(line)
}

/// Reads requests line by line, and skips empty lines.
pub(super) fn read(file: &mut dyn BufRead, take: Take<'_>) -> Result<(), ImportError> {
    let unreadable = |number: u64, e: std::io::Error| {
        ImportError::new(format!("line {number}"), format!("the file cannot be read: {e}"))
    };
    if first_byte(file).map_err(|e| unreadable(1, e))? == Some(b'[') {
        return array(file, take);
    }
    // Line that is already read, but belongs to the next entry.
    let mut next: Option<Vec<u8>> = None;
    let mut number = 0_u64;
    loop {
        let line = match next.take() {
            Some(line) => line,
            None => match one_line(file, ENTRY_MAX).map_err(|e| unreadable(number + 1, e))? {
                Some(line) => line,
                None => return Ok(()),
            },
        };
        number += 1;
        let first = number;
        let mut entry = line;
        // An object over several lines ends before the next line that starts with a brace.
        let mut depth = Depth::default();
        depth.read(&entry);
        let mut open = is_open(&entry);
        while open && (entry.len() as u64) < ENTRY_MAX {
            match one_line(file, ENTRY_MAX - entry.len() as u64).map_err(|e| unreadable(number + 1, e))? {
                Some(line) if !line.starts_with(b"{") => {
                    entry.extend_from_slice(&line);
                    number += 1;
                    // The entry is parsed again only when all brackets are closed. Parsing after each line would be
                    // quadratic.
                    depth.read(&line);
                    open = depth.open > 0 || is_open(&entry);
                }
                line => {
                    next = line;
                    break;
                }
            }
        }
        if entry.len() as u64 >= ENTRY_MAX {
            return Err(ImportError::new(
                format!("line {first}"),
                format!("the entry is too large (at most {ENTRY_MAX} bytes)"),
            ));
        }
        let text = entry.strip_prefix(BOM).unwrap_or(&entry).trim_ascii();
        if text.is_empty() {
            continue;
        }
        let values: Vec<&[u8]> = match text.starts_with(b"{") {
            true => json_values(text).map(|(_, value)| value).collect(),
            false => vec![text],
        };
        for value in values {
            let entry = std::str::from_utf8(value).map_err(|e| format!("invalid UTF-8: {e}")).and_then(object::record);
            if let ControlFlow::Break(()) = take(first, entry) {
                return Ok(());
            }
        }
    }
}

/// Skips blanks and returns the next byte, without consuming it.
fn first_byte(file: &mut dyn BufRead) -> std::io::Result<Option<u8>> {
    loop {
        let ahead = file.fill_buf()?;
        let Some(first) = ahead.first() else { return Ok(None) };
        if !matches!(first, b' ' | b'\t' | b'\r') {
            return Ok(Some(*first));
        }
        file.consume(1);
    }
}

/// Reads the next line with its line end, up to `most` bytes, or returns `None` at the end of the file.
fn one_line(file: &mut dyn BufRead, most: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let small = most.min(GROWN_MAX);
    let read = file.take(small).read_until(b'\n', &mut line)? as u64;
    if read == small && !line.ends_with(b"\n") {
        line.reserve(usize::try_from(most - small).unwrap_or(usize::MAX));
        file.take(most - small).read_until(b'\n', &mut line)?;
    }
    Ok((!line.is_empty()).then_some(line))
}

/// Nesting depth of a partial JSON text.
#[derive(Default)]
struct Depth {
    open: i64,
    in_string: bool,
    escaped: bool,
}

impl Depth {
    /// Updates the depth with the next piece of text.
    fn read(&mut self, text: &[u8]) {
        for byte in text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.open += 1,
                b'}' | b']' if !self.in_string => self.open -= 1,
                _ => {}
            }
        }
    }
}

/// Returns true if a text is the start of an incomplete object.
fn is_open(entry: &[u8]) -> bool {
    let text = entry.strip_prefix(BOM).unwrap_or(entry).trim_ascii_start();
    text.starts_with(b"{")
        && json_values(text).last().is_some_and(|(_, value)| value.starts_with(b"{") && !value.ends_with(b"}"))
        && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_err_and(|e| e.is_eof())
}

/// Reads an array of requests.
fn array(file: &mut dyn BufRead, take: Take<'_>) -> Result<(), ImportError> {
    let mut number = 0;
    let done = each(file, &[], &mut |raw| {
        number += 1;
        take(number, object::record(raw))
    });
    match done {
        Ok(_) => Ok(()),
        Err(why) => Err(ImportError::new(format!("after element {number}"), why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(u64, Result<String, String>)> {
        let mut all = Vec::new();
        read(&mut text.as_bytes(), &mut |number, entry| {
            all.push((number, entry.map(|record| record.target)));
            ControlFlow::Continue(())
        })
        .expect("the file reads");
        all
    }

    #[test]
    fn reads_pretty_printed_entries() {
        let one = r#"{"method":"PUT","target":"/1"}"#;
        let laid_out = "{\n  \"method\": \"PUT\",\n  \"target\": \"/2\",\n  \"headers\": {\n    \"a\": \"1\"\n  }\n}";
        let ok = |number: u64, target: &str| (number, Ok(target.to_owned()));
        assert_eq!(
            all(&format!("{one}\n\n{laid_out}\n{one}{one}\n")),
            [ok(1, "/1"), ok(3, "/2"), ok(10, "/1"), ok(10, "/1")]
        );
        assert_eq!(all(&format!(" [{one},\n{laid_out}]")), [ok(1, "/1"), ok(2, "/2")]);
    }

    #[test]
    fn parses_long_pretty_printed_objects_once() {
        let lines = 200_000;
        let headers: String = (0..lines).map(|n| format!("    [\"a{n}\", \"}}\\\"{{\"],\n")).collect();
        let laid_out = format!("{{\n  \"target\": \"/2\",\n  \"headers\": [\n{headers}    [\"z\", \"\"]\n  ]\n}}\n");
        let read = all(&format!("{laid_out}{{\"target\":\"/3\"}}"));
        assert_eq!(read.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, lines + 7]);
    }

    #[test]
    fn skips_only_the_broken_line() {
        let one = r#"{"method":"PUT","target":"/1"}"#;
        let read = all(&format!("{{\"method\":\"PUT\",\n{one}\nnonsense\n{one}"));
        assert!(matches!(&read[..], [(1, Err(_)), (2, Ok(_)), (3, Err(_)), (4, Ok(_))]), "{read:?}");
    }
}
