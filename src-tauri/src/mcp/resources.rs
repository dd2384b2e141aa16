//! Resources: requests, their timelines, schemas of inboxes, and providers, by URI.

use hookbench_model::RequestList;
use rmcp::{
    ErrorData,
    model::{ListResourcesResult, ReadResourceResult, Resource, ResourceContents, ResourceTemplate},
};

use super::{
    Mcp,
    result::{UNTRUSTED, bounded},
};
use crate::transport::encoded;

/// Number of requests in the list of resources.
const LISTED: usize = 20;

/// Media type of the resources.
const JSON: &str = "application/json";

/// Kinds of resources: the template of the URI, a name, what it is, and the path of the API with `{}` for the ID.
const KINDS: [(&str, &str, &str, &str); 4] = [
    (
        "hookbench://request/{id}",
        "request",
        "A captured request with its headers. Credentials are masked.",
        "/requests/{}",
    ),
    ("hookbench://timeline/{id}", "timeline", "What happened to a request, in order.", "/requests/{}/timeline"),
    (
        "hookbench://schema/{inbox}",
        "schema",
        "Schemas of the bodies in an inbox, inferred from its requests.",
        "/schemas/{}",
    ),
    ("hookbench://provider/{id}", "provider", "Signature schemes and events of a vendor.", "/providers/{}"),
];

/// Returns the templates of the URIs.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    KINDS
        .map(|(uri, name, description, _)| {
            ResourceTemplate::new(uri, name).with_description(description).with_mime_type(JSON)
        })
        .to_vec()
}

/// Returns the newest requests.
pub(super) async fn list(server: &Mcp) -> Result<ListResourcesResult, ErrorData> {
    let failed = |why: String| ErrorData::internal_error(why, None);
    let text = server.get(&format!("/requests?limit={LISTED}")).await.map_err(failed)?;
    let list: RequestList = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let resources = list.items.into_iter().map(|item| {
        let request = item.request;
        let event = request.event_type.unwrap_or(request.method);
        Resource::new(format!("hookbench://request/{}", request.id), format!("{event} in {}", request.inbox))
            .with_mime_type(JSON)
    });
    Ok(ListResourcesResult::with_all_items(resources.collect()))
}

/// Reads a resource.
pub(super) async fn read(server: &Mcp, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let unknown = || ErrorData::resource_not_found(format!("There is no resource {uri:?}."), None);
    let (kind, id) = uri.strip_prefix("hookbench://").and_then(|rest| rest.split_once('/')).ok_or_else(unknown)?;
    let (.., path) = KINDS.iter().find(|(_, name, ..)| *name == kind).ok_or_else(unknown)?;
    let path = match (kind, id.split_once('/')) {
        ("schema", Some((inbox, event))) => format!("/schemas/{}?event={}", encoded(inbox), encoded(event)),
        _ => path.replace("{}", &encoded(id)),
    };
    let text = server.get(&path).await.map_err(|why| ErrorData::resource_not_found(why, None))?;
    let mut contents = vec![ResourceContents::text(bounded(text), uri).with_mime_type(JSON)];
    if kind != "provider" {
        contents.insert(0, ResourceContents::text(UNTRUSTED, uri));
    }
    Ok(ReadResourceResult::new(contents))
}
