//! Templates that change a request before it is forwarded.

use std::borrow::Cow;

use hookbench_capture::RowId;
use hookbench_delivery::check_headers;
use hookbench_model::{Delivery, DeliveryOrigin, ForwardTransform, HeaderRules};
use hookbench_provider::is_secret_header;
use hookbench_query::body::{content_of, read_body};
use hookbench_store::request::{Head, collect_body};
use hookbench_template::{JSON_MAX, SEEN_MAX, TemplateContext};

use crate::Engine;

/// Maximum length of a template, in bytes.
const TEMPLATE_MAX: usize = 64 * 1024;

/// A transformed request.
pub(crate) struct Transformed {
    /// The body. `None` if the forward has no template of the body.
    pub(crate) body: Option<Vec<u8>>,
    /// Headers to set.
    pub(crate) headers: Vec<(String, String)>,
}

/// Validates the templates of a forward. Returns a message that describes the first invalid one.
pub(super) fn check(transform: &ForwardTransform) -> Result<(), String> {
    let templates = transform.headers.iter().map(|(name, template)| (format!("the header {name}"), template));
    for (what, template) in transform.body.iter().map(|body| ("the body".to_owned(), body)).chain(templates) {
        if template.len() > TEMPLATE_MAX {
            return Err(format!("The template of {what} must be at most {TEMPLATE_MAX} bytes."));
        }
        hookbench_template::check(template).map_err(|why| format!("The template of {what} is invalid: {why}"))?;
    }
    let names = transform.headers.iter().map(|(name, _)| (name.clone(), String::new()));
    check_headers(&HeaderRules { set: names.collect(), ..HeaderRules::default() })?;
    match transform.headers.iter().find(|(name, _)| is_secret_header(name.as_bytes())) {
        // The values of these headers are masked in `headers.set` only.
        Some((name, _)) => Err(format!("The header {name} cannot be a template. Use `headers.set`.")),
        None => Ok(()),
    }
}

/// Renders the templates of a forward. `request.uuid` is the ID of the delivery and `request.now` the time at which the
/// delivery was created, so each attempt sends the same.
pub(crate) async fn transformed(
    engine: &Engine,
    transform: &ForwardTransform,
    head: &Head,
    row: RowId,
    delivery: &Delivery,
) -> Result<Transformed, String> {
    let unread = |error: &dyn std::fmt::Display| format!("The request cannot be read: {error}.");
    let body = engine.store.readers().body(row).await.map_err(|error| unread(&error))?;
    let body = body.ok_or("The request is no longer stored.")?;
    let max = readable(transform);
    let too_large = || {
        format!(
            "The request cannot be transformed: the body has more than {max} bytes, which the template cannot read."
        )
    };
    let body = collect_body(body, max as u64).await.map_err(|error| unread(&error))?.ok_or_else(too_large)?;
    // A template would see a part of a larger body.
    let decoded = read_body(&content_of(&head.headers), Cow::Borrowed(&body), max as u64 + 1);
    if decoded.bytes.len() > max {
        return Err(too_large());
    }
    let inbox = engine.inboxes.name(head.inbox).unwrap_or_default();
    let (transform, head, delivery) = (transform.clone(), head.clone(), delivery.clone());
    // A template can take a second.
    let work = move || {
        let context = TemplateContext {
            inbox: &inbox,
            method: &head.method,
            target: &head.target,
            headers: &head.headers,
            body: &body,
            event_type: Some(head.event_type.as_str()).filter(|kind| !kind.is_empty()),
            event_id: head.event_id.as_deref(),
            uuid: Some(&delivery.id),
            now_us: delivery.created_at.as_microsecond(),
        };
        let render = |what: &str, template: &str| {
            hookbench_template::render(template, &context)
                .map_err(|why| format!("The template of {what} cannot be rendered: {why}."))
        };
        let header = |(name, template): &(String, String)| {
            let value = render(&format!("the header {name}"), template)?;
            // A line break would begin another header.
            let value = String::from_utf8_lossy(&value).trim().replace(['\r', '\n', '\0'], " ");
            Ok::<_, String>((name.clone(), value))
        };
        Ok(Transformed {
            body: transform.body.as_deref().map(|template| render("the body", template)).transpose()?,
            headers: transform.headers.iter().map(header).collect::<Result<_, _>>()?,
        })
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(error.to_string()))
}

/// Returns the maximum size of a body that the templates can read completely, in bytes.
fn readable(transform: &ForwardTransform) -> usize {
    let mut templates = transform.body.iter().chain(transform.headers.iter().map(|(_, template)| template));
    match templates.any(|template| template.contains("body")) {
        true => SEEN_MAX,
        false => JSON_MAX,
    }
}

/// Returns the body that a delivery sends if its forward has a template of the body. Returns `None` if the delivery
/// sends the body of the request.
///
/// # Errors
///
/// Returns a sentence if the body cannot be rendered.
pub async fn sent_body(engine: &Engine, delivery: &Delivery, row: RowId) -> Result<Option<Vec<u8>>, String> {
    let read = move |connection: &rusqlite::Connection| hookbench_store::request::head(connection, row);
    let head = engine.store.readers().read(read).await.map_err(|error| error.to_string())?;
    let inbox = head.as_ref().and_then(|head| engine.inboxes.by_number(head.inbox));
    let (Some(head), Some(inbox), DeliveryOrigin::Forward) = (head, inbox, delivery.origin) else { return Ok(None) };
    let bound = inbox.forwards.iter().find(|bound| bound.forward.id == delivery.endpoint);
    match bound.and_then(|bound| bound.forward.transform.as_ref()).filter(|transform| transform.body.is_some()) {
        Some(transform) => Ok(transformed(engine, transform, &head, row, delivery).await?.body),
        None => Ok(None),
    }
}
