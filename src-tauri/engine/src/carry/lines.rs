//! JSON Lines: a request a line.

use std::{
    io::{BufRead, Read},
    ops::ControlFlow,
};

use super::{Bad, ENTRY_MAX, Record, Take};

/// The line of a request.
pub(super) fn line(record: &Record) -> Result<Vec<u8>, String> {
    let mut line = serde_json::to_vec(record).map_err(|e| e.to_string())?;
    line.push(b'\n');
    Ok(line)
}

/// Reads requests line by line; empty lines are passed over.
pub(super) fn read(file: &mut dyn BufRead, take: Take<'_>) -> Result<(), Bad> {
    let mut bytes = Vec::new();
    for number in 1_u64.. {
        bytes.clear();
        let place = || format!("line {number}");
        let length = file
            .take(ENTRY_MAX)
            .read_until(b'\n', &mut bytes)
            .map_err(|e| Bad::new(place(), format!("the file cannot be read: {e}")))?;
        if length == 0 {
            break;
        }
        if length as u64 == ENTRY_MAX {
            return Err(Bad::new(place(), format!("one line is larger than {ENTRY_MAX} bytes")));
        }
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).trim_ascii();
        if text.is_empty() {
            continue;
        }
        let entry = match text.starts_with(b"{") {
            true => serde_json::from_slice(text).map_err(|e| e.to_string()),
            false => Err("it is no JSON object".to_owned()),
        };
        if let ControlFlow::Break(()) = take(number, entry) {
            break;
        }
    }
    Ok(())
}
