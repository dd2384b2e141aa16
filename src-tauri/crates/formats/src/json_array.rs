//! Streaming reader of the elements of an array in a JSON file of any size.

use std::{
    cell::RefCell,
    fmt,
    io::{self, BufRead, BufReader, Read},
    ops::ControlFlow,
    rc::Rc,
};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::ENTRY_MAX;

/// Calls `take` with each element of the array at `path`. A file that is an array is accepted for any path. Returns
/// true if there is an array.
pub(super) fn each(
    file: &mut dyn Read,
    path: &[&str],
    take: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<bool, String> {
    let element = Rc::new(RefCell::new(Element { bytes: Vec::new(), left: ENTRY_MAX, kept: false }));
    let mut state = State { take, element: element.clone(), found: false, stopped: false };
    let mut deserializer = serde_json::Deserializer::from_reader(Recorded { file: BufReader::new(file), element });
    let done = Seek { path, state: &mut state }.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match done {
        _ if state.stopped => Ok(true),
        Ok(()) => Ok(state.found),
        Err(error) => Err(format!("the JSON cannot be parsed to the end: {error}")),
    }
}

/// Bytes of the current element.
struct Element {
    bytes: Vec<u8>,
    /// Number of bytes that may follow until the end of the element.
    left: u64,
    /// True inside the array, where bytes are kept.
    kept: bool,
}

impl Element {
    fn begin(&mut self) {
        self.bytes.clear();
        // A buffer of full size avoids growth, which copies the content. Reserved but unused memory costs nothing.
        self.bytes.reserve(ENTRY_MAX as usize);
        (self.left, self.kept) = (ENTRY_MAX, true);
    }

    /// Returns the element without the comma before it, and without the character that ends a number.
    fn text(&self) -> Result<&str, std::str::Utf8Error> {
        let bytes = self.bytes.trim_ascii_start();
        let bytes = bytes.strip_prefix(b",").unwrap_or(bytes).trim_ascii();
        let bytes = match bytes {
            [b'-' | b'0'..=b'9', .., b',' | b']'] => &bytes[..bytes.len() - 1],
            whole => whole,
        };
        std::str::from_utf8(bytes.trim_ascii_end())
    }
}

/// Reader that keeps the bytes of the current element, and fails if the element is too large.
struct Recorded<'f> {
    file: BufReader<&'f mut dyn Read>,
    element: Rc<RefCell<Element>>,
}

impl Read for Recorded<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let ahead = self.file.fill_buf()?;
        let length = ahead.len().min(into.len());
        into[..length].copy_from_slice(&ahead[..length]);
        let mut element = self.element.borrow_mut();
        if element.left < length as u64 {
            return Err(io::Error::other(format!("the entry is too large (at most {ENTRY_MAX} bytes)")));
        }
        element.left -= length as u64;
        if element.kept {
            element.bytes.extend_from_slice(&into[..length]);
        }
        self.file.consume(length);
        Ok(length)
    }
}

struct State<'t> {
    take: &'t mut dyn FnMut(&str) -> ControlFlow<()>,
    element: Rc<RefCell<Element>>,
    found: bool,
    stopped: bool,
}

struct Seek<'s, 't> {
    path: &'s [&'s str],
    state: &'s mut State<'t>,
}

impl<'de> DeserializeSeed<'de> for Seek<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match self.path {
                [first, rest @ ..] if *first == key => {
                    map.next_value_seed(Seek { path: rest, state: &mut *self.state })?;
                }
                _ => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.state.found = true;
        let element = self.state.element.clone();
        element.borrow_mut().begin();
        while seq.next_element::<IgnoredAny>()?.is_some() {
            let taken = (self.state.take)(element.borrow().text().map_err(A::Error::custom)?);
            if taken.is_break() {
                self.state.stopped = true;
                return Err(A::Error::custom("stopped"));
            }
            element.borrow_mut().begin();
        }
        *element.borrow_mut() = Element { bytes: Vec::new(), left: ENTRY_MAX, kept: false };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, path: &[&str]) -> (Vec<String>, Result<bool, String>) {
        let mut seen = Vec::new();
        let done = each(&mut json.as_bytes(), path, &mut |raw| {
            seen.push(raw.to_owned());
            ControlFlow::Continue(())
        });
        (seen, done)
    }

    #[test]
    fn reads_elements_one_at_a_time() {
        assert_eq!(
            read(r#"{"v":[9],"log":{"x":{},"entries":[1,{"a":2}]}}"#, &["log", "entries"]).0,
            ["1", r#"{"a":2}"#]
        );
        assert_eq!(read("[1,2]", &["data"]).0, ["1", "2"], "a file that is the array");
        let mixed = "[ {\"a\": [1, 2]} ,-1.5e3 , \"x,\" ,\n null,[],3]";
        assert_eq!(read(mixed, &[]).0, ["{\"a\": [1, 2]}", "-1.5e3", "\"x,\"", "null", "[]", "3"]);
        assert_eq!(read(r#"{"log":{}}"#, &["log", "entries"]).1, Ok(false));
        let (seen, done) = read(r#"{"log":{"entries":[1,2,"#, &["log", "entries"]);
        assert_eq!(seen, ["1", "2"]);
        assert!(done.expect_err("it breaks off").contains("EOF"));
        let stopped = each(&mut &b"[1,2"[..], &[], &mut |_| ControlFlow::Break(()));
        assert_eq!(stopped, Ok(true));
    }
}
