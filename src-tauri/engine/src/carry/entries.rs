//! The elements of an array inside a JSON file of any size, one at a time.

use std::{
    cell::Cell,
    fmt,
    io::{self, Read},
    ops::ControlFlow,
    rc::Rc,
};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::ENTRY_MAX;

/// Hands each element of the array at `path` to `take`; an empty path or a file that is an array is
/// the file itself. Tells whether there is such an array.
pub(super) fn each(
    file: &mut dyn Read,
    path: &[&str],
    take: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<bool, String> {
    let left = Rc::new(Cell::new(ENTRY_MAX));
    let mut state = State { take, left: left.clone(), found: false, stopped: false };
    let reader = io::BufReader::new(Bounded { file, left });
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let done = Seek { path, state: &mut state }.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match done {
        _ if state.stopped => Ok(true),
        Ok(()) => Ok(state.found),
        Err(error) => Err(format!("the JSON does not read on: {error}")),
    }
}

/// Bytes up to the end of one element and no more, so that none is larger than memory.
struct Bounded<'f> {
    file: &'f mut dyn Read,
    left: Rc<Cell<u64>>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(io::Error::other(format!("one entry is larger than {ENTRY_MAX} bytes")));
        }
        let length = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = self.file.read(&mut into[..length])?;
        self.left.set(left - read as u64);
        Ok(read)
    }
}

struct State<'t> {
    take: &'t mut dyn FnMut(&str) -> ControlFlow<()>,
    left: Rc<Cell<u64>>,
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
        self.state.left.set(ENTRY_MAX);
        while let Some(raw) = seq.next_element::<Box<RawValue>>()? {
            self.state.left.set(ENTRY_MAX);
            if (self.state.take)(raw.get()).is_break() {
                self.state.stopped = true;
                return Err(A::Error::custom("stopped"));
            }
        }
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
    fn elements_come_one_at_a_time() {
        assert_eq!(
            read(r#"{"v":[9],"log":{"x":{},"entries":[1,{"a":2}]}}"#, &["log", "entries"]).0,
            ["1", r#"{"a":2}"#]
        );
        assert_eq!(read("[1,2]", &["data"]).0, ["1", "2"], "a file that is the array");
        assert_eq!(read(r#"{"log":{}}"#, &["log", "entries"]).1, Ok(false));
        let (seen, done) = read(r#"{"log":{"entries":[1,2,"#, &["log", "entries"]);
        assert_eq!(seen, ["1", "2"]);
        assert!(done.expect_err("it breaks off").contains("EOF"));
        let stopped = each(&mut &b"[1,2"[..], &[], &mut |_| ControlFlow::Break(()));
        assert_eq!(stopped, Ok(true));
    }
}
