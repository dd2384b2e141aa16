//! Request as a raw HTTP message.

use hookbench_capture::header_list;
use hookbench_model::{MASK, RequestSummary};
use hookbench_provider::is_secret_header;

/// Returns the request line, the header block and the blank line, as on the wire. Credentials are masked unless
/// `reveal` is set.
pub fn raw_head(summary: &RequestSummary, header_block: &[u8], reveal: bool) -> Vec<u8> {
    let mut head = format!("{} {} {}\r\n", summary.method, summary.target, summary.version.as_str()).into_bytes();
    head.extend_from_slice(&header_lines(header_block, reveal));
    head.extend_from_slice(b"\r\n");
    head
}

/// Returns the lines of a header or trailer block, as on the wire. Credentials are masked unless `reveal` is set.
pub fn header_lines(block: &[u8], reveal: bool) -> Vec<u8> {
    let mut head = Vec::with_capacity(block.len());
    for (name, value) in header_list(block) {
        head.extend_from_slice(name);
        head.extend_from_slice(b": ");
        match is_secret_header(name) && !reveal {
            true => head.extend_from_slice(MASK.as_bytes()),
            false => head.extend_from_slice(value),
        }
        head.extend_from_slice(b"\r\n");
    }
    head
}
