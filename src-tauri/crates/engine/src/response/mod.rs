//! Responses to senders: validation, response rules, templates, files and the selection of a response.

pub mod decide;
mod file;
mod fixed;
mod rule;
mod steps;

use std::{str::FromStr, time::Duration};

use hookbench_capture::{DELAY_MAX, PreparedResponse};
use hookbench_model::{InboxResponse, RESPONSE_BODY_MAX, ResponseFault};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

pub use decide::{Arrival, ArrivedRequest, DecidedResponse, aside};
pub use file::{Files, RESPONSE_FILE_MAX, file_of};
pub(crate) use fixed::FixedResponses;
pub use rule::{CompiledRules, check_rules, compile_rules, known_on_arrival};
pub(crate) use steps::Steps;

/// Maximum duration of a slow response body.
const SLOW_MAX: Duration = Duration::from_mins(5);

/// Validates a response.
///
/// # Errors
/// Returns a message that describes the first invalid value.
pub fn check(response: &InboxResponse) -> Result<(), String> {
    if response.body.len() > RESPONSE_BODY_MAX {
        return Err(format!(
            "The response body has {} bytes (at most {RESPONSE_BODY_MAX} are allowed).",
            response.body.len()
        ));
    }
    if response.file.is_some() && !response.body.is_empty() {
        return Err("A response cannot have both a body and a file. Remove one of them.".into());
    }
    if response.template {
        hookbench_template::check(&response.body)?;
        response.headers.iter().try_for_each(|(_, value)| hookbench_template::check(value))?;
    }
    match response.fault {
        Some(ResponseFault::Truncate | ResponseFault::Slow { .. })
            if response.body.is_empty() && response.file.is_none() =>
        {
            Err("The faults truncate and slow require a response body. Add a body or choose another fault.".into())
        }
        Some(ResponseFault::Slow { over_ms }) if over_ms == 0 || Duration::from_millis(over_ms.into()) > SLOW_MAX => {
            Err(format!("The fault slow requires an `over_ms` between 1 and {}.", SLOW_MAX.as_millis()))
        }
        _ => compile(response, 0).map(drop),
    }
}

/// Returns true if the response has to be built for each request.
pub(crate) fn depends(response: &InboxResponse) -> bool {
    response.template || response.file.is_some()
}

/// Converts a response to the form that the listener sends, without the content of a file. Returns a message if a value
/// is invalid.
pub(crate) fn compile(response: &InboxResponse, number: i64) -> Result<PreparedResponse, String> {
    if !(200..=599).contains(&response.status) {
        return Err(format!("`status` must be between 200 and 599 (got {}).", response.status));
    }
    // Responses with these statuses have no content (RFC 9110 section 15).
    if [204, 205, 304].contains(&response.status) && (!response.body.is_empty() || response.file.is_some()) {
        return Err(format!(
            "A {} response cannot have a body. Remove the body or choose another status.",
            response.status
        ));
    }
    let delay = Duration::from_millis(response.delay_ms.into());
    if delay > DELAY_MAX {
        return Err(format!("`delay_ms` is {} (at most {} is allowed).", response.delay_ms, DELAY_MAX.as_millis()));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &response.headers {
        let key = HeaderName::from_str(name).map_err(|_| format!("Invalid header name: {name:?}."))?;
        if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION].contains(&key) {
            return Err(format!("{name} is set by Hookbench. Remove it."));
        }
        let value = HeaderValue::from_str(value).map_err(|_| {
            format!("The value of {name} contains a line break or another character that is not allowed in a header.")
        })?;
        headers.append(key, value);
    }
    Ok(PreparedResponse {
        number,
        status: StatusCode::from_u16(response.status).map_err(|e| e.to_string())?,
        headers,
        body: response.body.clone().into(),
        delay,
        cors: response.cors,
        fault: response.fault.map(|fault| match fault {
            ResponseFault::Reset => hookbench_capture::InjectedFault::Reset,
            ResponseFault::Hang => hookbench_capture::InjectedFault::Hang,
            ResponseFault::Truncate => hookbench_capture::InjectedFault::Truncate,
            ResponseFault::Slow { over_ms } => {
                hookbench_capture::InjectedFault::Slow(Duration::from_millis(over_ms.into()))
            }
            ResponseFault::Garbage => hookbench_capture::InjectedFault::Garbage,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_invalid_responses() {
        let response = |change: fn(&mut InboxResponse)| {
            let mut response = InboxResponse::default();
            change(&mut response);
            check(&response)
        };
        assert!(response(|_| ()).is_ok());
        assert!(response(|a| a.status = 101).is_err());
        assert!(response(|a| a.status = 204).is_ok());
        assert!(response(|a| a.delay_ms = 60_001).is_err());
        assert!(response(|a| a.headers = vec![("X\r\n".into(), "1".into())]).is_err());
        assert!(response(|a| a.headers = vec![("X".into(), "1\r\nY: 2".into())]).is_err());
        assert!(response(|a| a.headers = vec![("Content-Length".into(), "5".into())]).is_err());
        assert!(response(|a| a.body = "x".repeat(RESPONSE_BODY_MAX + 1)).is_err());
        assert!(response(|a| a.fault = Some(ResponseFault::Truncate)).is_err());
        assert!(response(|a| (a.fault, a.body) = (Some(ResponseFault::Truncate), "ab".into())).is_ok());
        assert!(response(|a| (a.template, a.body) = (true, "{{ request.body".into())).is_err());
    }
}
