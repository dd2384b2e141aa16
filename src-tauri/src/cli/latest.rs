//! Ids on the command line: an id, `latest` for the newest, or `latest~N` for the Nth before the newest.

use serde::Deserialize;

use super::{Api, error::CliError};

/// Largest N of `latest~N`: one page.
const BEFORE_MAX: usize = 99;

/// A list of the API, as far as it is needed here.
#[derive(Deserialize)]
struct Page {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
}

/// Returns the id of the request that `text` means.
///
/// # Errors
///
/// Returns an error if there are not that many requests, or if N is not a number from 0 to 99.
pub(super) async fn request(api: &Api, text: &str) -> Result<String, CliError> {
    id(api, "requests", text).await
}

/// Returns the ids of several requests, in order. See [`request`].
pub(super) async fn requests(api: &Api, texts: &[String]) -> Result<Vec<String>, CliError> {
    let mut ids = Vec::with_capacity(texts.len());
    for text in texts {
        ids.push(request(api, text).await?);
    }
    Ok(ids)
}

/// Returns the id of the delivery that `text` means. See [`request`].
pub(super) async fn delivery(api: &Api, text: &str) -> Result<String, CliError> {
    id(api, "deliveries", text).await
}

/// Returns the id of the check run that `text` means. See [`request`].
pub(super) async fn check_run(api: &Api, text: &str) -> Result<String, CliError> {
    id(api, "checks", text).await
}

async fn id(api: &Api, list: &str, text: &str) -> Result<String, CliError> {
    let before = match parse(text)? {
        Some(before) => before,
        None => return Ok(text.to_owned()),
    };
    let page: Page = api.get(&format!("/{list}?limit={}", before + 1)).await?;
    match page.items.get(before) {
        Some(item) => Ok(item.id.clone()),
        None if page.items.is_empty() => Err(CliError::Other(format!("there are no {list} yet"))),
        None => Err(CliError::Other(format!("no {text}: there are only {} {list}", page.items.len()))),
    }
}

/// Returns N of `latest~N`, 0 for `latest`, and `None` for any other text.
fn parse(text: &str) -> Result<Option<usize>, CliError> {
    let number = match text.strip_prefix("latest") {
        Some("") => return Ok(Some(0)),
        Some(rest) => rest.strip_prefix('~'),
        None => None,
    };
    let Some(number) = number else { return Ok(None) };
    match number.parse().ok().filter(|number| *number <= BEFORE_MAX) {
        Some(number) => Ok(Some(number)),
        None => Err(CliError::Other(format!("invalid ID {text:?} (must be latest~0 to latest~{BEFORE_MAX})"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_the_distance_from_the_newest() {
        for (text, expected) in
            [("latest", Some(0)), ("latest~0", Some(0)), ("latest~99", Some(99)), ("latest1", None), ("019a", None)]
        {
            assert_eq!(parse(text).expect("it is valid"), expected, "{text}");
        }
        for text in ["latest~", "latest~-1", "latest~100", "latest~x"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
