//! What senders are answered: an inbox's own answer, or that of the first of its rules that matches.

pub mod decide;
mod file;
mod fixed;
mod rule;
mod steps;
mod template;

use std::{str::FromStr, time::Duration};

use hookbench_capture::{Answer, DELAY_MAX};
use hookbench_model::{InboxResponse, RESPONSE_BODY_MAX, ResponseFault};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

pub use decide::{Arrival, Looking, Made, aside};
pub use file::{ANSWER_FILE_MAX, Files, file_of};
pub(crate) use fixed::FixedAnswers;
pub use rule::{Answering, check_rules, compile_rules, known_on_arrival};
pub(crate) use steps::Steps;

/// Longest time a dripping body may be spread over.
const DRIP_MAX: Duration = Duration::from_mins(5);

/// What is wrong with it, if anything is.
pub fn check(answer: &InboxResponse) -> Result<(), String> {
    if answer.body.len() > RESPONSE_BODY_MAX {
        return Err(format!("The answer body has {} bytes; {RESPONSE_BODY_MAX} are allowed.", answer.body.len()));
    }
    if answer.file.is_some() && !answer.body.is_empty() {
        return Err("An answer has a body or a file, not both.".into());
    }
    if answer.template {
        template::check(&answer.body)?;
        answer.headers.iter().try_for_each(|(_, value)| template::check(value))?;
    }
    match answer.fault {
        Some(ResponseFault::Half | ResponseFault::Drip { .. }) if answer.body.is_empty() && answer.file.is_none() => {
            Err("Half a response, or one that drips, needs a body.".into())
        }
        Some(ResponseFault::Drip { over_ms }) if over_ms == 0 || Duration::from_millis(over_ms.into()) > DRIP_MAX => {
            Err(format!("A body drips from 1 to {} ms.", DRIP_MAX.as_millis()))
        }
        _ => compile(answer, 0).map(drop),
    }
}

/// Whether it has to be made for each request.
pub(crate) fn depends(answer: &InboxResponse) -> bool {
    answer.template || answer.file.is_some()
}

/// The answer in the form the receiver gives, or what is wrong with it. The content of a file is
/// not in it yet.
pub(crate) fn compile(answer: &InboxResponse, number: i64) -> Result<Answer, String> {
    if !(200..=599).contains(&answer.status) {
        return Err(format!("The status {} is none a sender can be given; use 200 to 599.", answer.status));
    }
    // RFC 9110 §15: these end with their head.
    if [204, 205, 304].contains(&answer.status) && (!answer.body.is_empty() || answer.file.is_some()) {
        return Err(format!("A {} answer has no body; leave it empty or choose another status.", answer.status));
    }
    let delay = Duration::from_millis(answer.delay_ms.into());
    if delay > DELAY_MAX {
        return Err(format!("The delay is {} ms; the longest is {}.", answer.delay_ms, DELAY_MAX.as_millis()));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        let key = HeaderName::from_str(name).map_err(|_| format!("{name:?} is not a header name."))?;
        if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION].contains(&key) {
            return Err(format!("{name} is set by Hookbench. Remove it."));
        }
        let value = HeaderValue::from_str(value)
            .map_err(|_| format!("The value of {name} has a line break or another character no header may have."))?;
        headers.append(key, value);
    }
    Ok(Answer {
        number,
        status: StatusCode::from_u16(answer.status).map_err(|e| e.to_string())?,
        headers,
        body: answer.body.clone().into(),
        delay,
        cors: answer.cors,
        fault: answer.fault.map(|fault| match fault {
            ResponseFault::Reset => hookbench_capture::AnswerFault::Reset,
            ResponseFault::Hang => hookbench_capture::AnswerFault::Hang,
            ResponseFault::Half => hookbench_capture::AnswerFault::Half,
            ResponseFault::Drip { over_ms } => {
                hookbench_capture::AnswerFault::Drip(Duration::from_millis(over_ms.into()))
            }
            ResponseFault::Garbage => hookbench_capture::AnswerFault::Garbage,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_would_break_http_is_refused() {
        let answer = |change: fn(&mut InboxResponse)| {
            let mut answer = InboxResponse::default();
            change(&mut answer);
            check(&answer)
        };
        assert!(answer(|_| ()).is_ok());
        assert!(answer(|a| a.status = 101).is_err());
        assert!(answer(|a| a.status = 204).is_ok());
        assert!(answer(|a| a.delay_ms = 60_001).is_err());
        assert!(answer(|a| a.headers = vec![("X\r\n".into(), "1".into())]).is_err());
        assert!(answer(|a| a.headers = vec![("X".into(), "1\r\nY: 2".into())]).is_err());
        assert!(answer(|a| a.headers = vec![("Content-Length".into(), "5".into())]).is_err());
        assert!(answer(|a| a.body = "x".repeat(RESPONSE_BODY_MAX + 1)).is_err());
        assert!(answer(|a| a.fault = Some(ResponseFault::Half)).is_err());
        assert!(answer(|a| (a.fault, a.body) = (Some(ResponseFault::Half), "ab".into())).is_ok());
        assert!(answer(|a| (a.template, a.body) = (true, "{{ request.body".into())).is_err());
    }
}
