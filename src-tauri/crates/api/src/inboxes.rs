//! Routes for inboxes.

use std::sync::Arc;

use axum::{Json, extract::State};
use hookbench_capture::RowId;
use hookbench_engine::{
    Engine,
    forward::{Destinations, saved},
    inbox::check_name,
    response::{self, check_rules},
    test_event,
};
use hookbench_model::{
    Change, Deletion, ErrorCode, Forward, Inbox, InboxList, InboxResponse, InboxSecretList, InboxTestResult, Job,
    JobKind, JobState, ListenerState, PipelineStage, ResponseRule, VerificationSettings,
};
use hookbench_store::{
    deletion::{DeletionRow, UNDO_US},
    inbox::InboxRow,
};
use http::StatusCode;
use rusqlite::Connection;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{error::ApiError, extract};

/// An inbox to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InboxNew {
    /// Name of the inbox, which is the first segment of the path. Allowed characters: letters, digits, `-`, `_`, `.`.
    name: String,
    /// Default response. Default: status 200 without a body.
    #[serde(default)]
    response: InboxResponse,
    /// Verification of signatures. Default: no verification.
    #[serde(default)]
    verification: VerificationSettings,
}

/// Changes to an inbox. Fields that are absent are not changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InboxChange {
    /// New name. Stored requests are kept. The URL of the inbox changes.
    name: Option<String>,
    /// New default response, which replaces the current one.
    response: Option<InboxResponse>,
    /// Response rules in order, which replace the current ones. New rules get an ID.
    rules: Option<Vec<ResponseRule>>,
    /// True to respond to `/<inbox>/status/<code>` with that status, such as `/<inbox>/status/503`.
    status_by_path: Option<bool>,
    /// Forwards in order, which replace the current ones. New forwards get an ID. A masked credential keeps the current
    /// value.
    forwards: Option<Vec<Forward>>,
    /// Verification of signatures, which replaces the current settings. A masked secret keeps the current value. Stored
    /// requests are verified again in a background job.
    verification: Option<VerificationSettings>,
}

fn name_taken(name: &str) -> ApiError {
    ApiError::new(
        ErrorCode::NameTaken,
        format!("An inbox named {name:?} already exists."),
        "Choose another name. The name of a deleted inbox is reserved until the deletion can no longer be undone.",
    )
}

/// List inboxes
///
/// Returns all inboxes, oldest first.
#[utoipa::path(get, path = "/inboxes", tag = "inboxes", responses((status = 200, body = InboxList)))]
pub(crate) async fn list(State(engine): State<Arc<Engine>>) -> Result<Json<InboxList>, ApiError> {
    let seq = engine.feed().last();
    let inboxes = engine.address_by_number();
    let items = engine
        .store
        .readers()
        .read(move |connection| {
            InboxRow::all(connection)?
                .into_iter()
                .filter(|row| inboxes(row.number).is_some())
                .map(|row| row.counted(connection))
                .collect()
        })
        .await?;
    Ok(Json(InboxList { items, seq }))
}

/// Create an inbox
///
/// Creates an inbox, which captures all requests to its URL.
#[utoipa::path(post, path = "/inboxes", tag = "inboxes", request_body = InboxNew, responses(
    (status = 201, body = Inbox), (status = 409, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn add(
    State(engine): State<Arc<Engine>>,
    extract::Json(new): extract::Json<InboxNew>,
) -> Result<(StatusCode, Json<Inbox>), ApiError> {
    check_name(&new.name).map_err(ApiError::invalid)?;
    response::check(&new.response).map_err(ApiError::invalid)?;
    engine.providers.refresh();
    if let Some(fault) = hookbench_engine::verification::fault(&new.verification, &engine.providers.catalog()) {
        return Err(ApiError::invalid(fault));
    }
    let made = engine.add_inbox(new.name.clone(), new.response, new.verification).await?;
    made.map(|inbox| (StatusCode::CREATED, Json(inbox))).ok_or_else(|| name_taken(&new.name))
}

/// Finds an inbox by name. The 404 error suggests a similar name.
pub(crate) fn find(engine: &Engine, name: &str) -> Result<hookbench_engine::inbox::InboxConfig, ApiError> {
    engine.inboxes.get(name).ok_or_else(|| {
        let all = engine.inboxes.all();
        ApiError::no_inbox(name).suggesting(name, all.iter().map(|inbox| inbox.name.as_str()))
    })
}

/// Retrieve an inbox
///
/// Returns an inbox. Secrets are masked.
#[utoipa::path(get, path = "/inboxes/{name}", tag = "inboxes", params(("name" = String, Path)), responses(
    (status = 200, body = Inbox), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(name): extract::Path<String>,
) -> Result<Json<Inbox>, ApiError> {
    let address = find(&engine, &name)?;
    let found = engine
        .store
        .readers()
        .read(move |connection| {
            InboxRow::named(connection, &address.name)?.map(|row| row.counted(connection)).transpose()
        })
        .await?;
    found.map(Json).ok_or_else(|| ApiError::no_inbox(&name))
}

/// Update an inbox
///
/// Changes the name, response, rules, forwards or verification of an inbox.
#[utoipa::path(patch, path = "/inboxes/{name}", tag = "inboxes", params(("name" = String, Path)), request_body = InboxChange, responses(
    (status = 200, body = Inbox), (status = 404, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn change(
    State(engine): State<Arc<Engine>>,
    extract::Path(name): extract::Path<String>,
    extract::Json(change): extract::Json<InboxChange>,
) -> Result<Json<Inbox>, ApiError> {
    if let Some(name) = &change.name {
        check_name(name).map_err(ApiError::invalid)?;
    }
    if let Some(response) = &change.response {
        response::check(response).map_err(ApiError::invalid)?;
    }
    let mut change = change;
    if let Some(rules) = &mut change.rules {
        check_rules(rules).map_err(ApiError::invalid)?;
    }
    engine.providers.refresh();
    if let Some(fault) = change
        .verification
        .as_ref()
        .and_then(|new| hookbench_engine::verification::fault(new, &engine.providers.catalog()))
    {
        return Err(ApiError::invalid(fault));
    }
    let verifies = change.verification.is_some();
    let (now_us, forwarded) = (engine.clock.now_us(), engine.pipeline.cursor(PipelineStage::Forward));
    let new_name = change.name.clone().unwrap_or_else(|| name.clone());
    let changed = update(&engine, name, move |connection, row| {
        if let Some(name) = change.name.filter(|name| *name != row.name) {
            if InboxRow::named(connection, &name)?.is_some() {
                return Err(name_taken(&name));
            }
            row.name = name;
        }
        let responses = change.response.iter().chain(change.rules.iter().flatten().flat_map(|rule| &rule.responses));
        let fallbacks = change.forwards.iter().flatten().map(|forward| &forward.fallback);
        for file in responses.chain(fallbacks).filter_map(|response| response.file.as_ref()) {
            if !hookbench_store::response_file::is_kept(file, connection)? {
                return Err(ApiError::invalid(format!(
                    "The response file {:?} does not exist. Upload it again.",
                    file.name
                )));
            }
        }
        if let Some(response) = change.response {
            row.response_number = hookbench_store::response::insert(&response, connection, "")?;
            row.response = response;
        }
        if let Some(new) = change.verification {
            row.verification = row.verification.changed_to(new);
        }
        if let Some(rules) = change.rules {
            row.rules = rules;
        }
        row.status_by_path = change.status_by_path.unwrap_or(row.status_by_path);
        match change.forwards {
            None => Ok(Destinations::default()),
            Some(new) => {
                // Requests that arrived before this change are not sent to the new forwards.
                hookbench_store::pipeline::save_cursor(connection, PipelineStage::Forward, forwarded)?;
                let (forwards, destinations) =
                    saved(connection, &row.name, &row.forwards, new, now_us)?.map_err(ApiError::invalid)?;
                row.forwards = forwards;
                Ok(destinations)
            }
        }
    })
    .await?;
    if verifies && changed.requests > 0 {
        start_verifying(&engine, &new_name, changed.requests);
    }
    Ok(changed)
}

/// Starts a job that verifies the stored requests of an inbox again.
fn start_verifying(engine: &Arc<Engine>, name: &str, total: u64) {
    let Some(address) = engine.inboxes.get(name) else { return };
    let id = uuid::Uuid::now_v7().to_string();
    let job = Job {
        id: id.clone(),
        kind: JobKind::Verify,
        state: JobState::Running,
        done: 0,
        total,
        path: None,
        inbox: Some(name.to_owned()),
        imported: None,
        error: None,
    };
    engine.jobs.start(job, Box::new(|| ()));
    let engine = engine.clone();
    tokio::spawn(async move {
        let tell = |change: &dyn Fn(&mut Job)| {
            if let Some(job) = engine.jobs.update(&id, |job| change(job)) {
                engine.feed.publish([Change::JobChanged { job: job.clone() }]);
                return job.state != JobState::Canceled;
            }
            false
        };
        let ended = hookbench_engine::pipeline::verify_again(&engine, address.number, |done| {
            tell(&|job| job.done = done.min(job.total))
        })
        .await;
        tell(&|job| match (&ended, job.state) {
            (_, JobState::Canceled) => {}
            (Ok(()), _) => (job.state, job.done) = (JobState::Done, job.total),
            (Err(error), _) => (job.state, job.error) = (JobState::Failed, Some(error.clone())),
        });
    });
}

/// Retrieve the secrets of an inbox
///
/// Returns the signing secrets of an inbox, unmasked.
#[utoipa::path(get, path = "/inboxes/{name}/secrets", tag = "inboxes", params(("name" = String, Path)), responses(
    (status = 200, body = InboxSecretList), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn secrets(
    State(engine): State<Arc<Engine>>,
    extract::Path(name): extract::Path<String>,
) -> Result<Json<InboxSecretList>, ApiError> {
    let address = find(&engine, &name)?;
    Ok(Json(InboxSecretList { items: address.verification.secrets.clone() }))
}

/// Mark all requests as read
///
/// Marks all requests of an inbox as read. Returns the inbox.
#[utoipa::path(post, path = "/inboxes/{name}/read", tag = "inboxes", params(("name" = String, Path)), responses(
    (status = 200, body = Inbox), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn mark_read(
    State(engine): State<Arc<Engine>>,
    extract::Path(name): extract::Path<String>,
) -> Result<Json<Inbox>, ApiError> {
    update(&engine, name, |connection, row| {
        row.read_cursor = hookbench_store::request::newest(connection, Some(row.number))?;
        Ok(Destinations::default())
    })
    .await
}

async fn update(
    engine: &Arc<Engine>,
    name: String,
    change: impl FnOnce(&Connection, &mut InboxRow) -> Result<Destinations, ApiError> + Send + 'static,
) -> Result<Json<Inbox>, ApiError> {
    find(engine, &name)?;
    let (feed, inboxes, now_us) = (engine.feed.clone(), engine.inboxes.clone(), engine.clock.now_us());
    let was = name.clone();
    let work = move |connection: &Connection| {
        let mut row = InboxRow::named(connection, &name)?.ok_or_else(|| ApiError::no_inbox(&name))?;
        if DeletionRow::all(connection)?.iter().any(|deletion| deletion.whole && deletion.inbox == row.number) {
            return Err(ApiError::no_inbox(&name));
        }
        let destinations = change(connection, &mut row)?;
        row.update(connection)?;
        let address = hookbench_engine::inbox::address(&row).map_err(ApiError::invalid)?;
        Ok::<_, ApiError>((address, row.counted(connection)?, destinations))
    };
    let outbox = engine.outbox.clone();
    let after = move |(address, inbox, destinations): &(hookbench_engine::inbox::InboxConfig, Inbox, Destinations)| {
        destinations.apply(&mut outbox.schedule(), now_us);
        inboxes.put(address.clone());
        feed.publish([Change::InboxChanged { was, inbox: inbox.clone() }]);
    };
    Ok(Json(engine.store.write(work, after).await?.1))
}

/// Delete an inbox
///
/// Deletes an inbox with its requests. The inbox stops capturing requests immediately. The deletion can be undone for
/// 10 seconds.
#[utoipa::path(delete, path = "/inboxes/{name}", tag = "inboxes", params(("name" = String, Path)), responses(
    (status = 200, body = Deletion), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn remove(
    State(engine): State<Arc<Engine>>,
    extract::Path(name): extract::Path<String>,
) -> Result<Json<Deletion>, ApiError> {
    hide_all(&engine, name, true).await
}

/// Delete all requests of an inbox
///
/// Deletes all requests of an inbox except pinned ones. The deletion can be undone for 10 seconds.
#[utoipa::path(delete, path = "/inboxes/{name}/requests", tag = "inboxes", params(("name" = String, Path)), responses(
    (status = 200, body = Deletion), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn clear(
    State(engine): State<Arc<Engine>>,
    extract::Path(name): extract::Path<String>,
) -> Result<Json<Deletion>, ApiError> {
    hide_all(&engine, name, false).await
}

async fn hide_all(engine: &Arc<Engine>, name: String, whole: bool) -> Result<Json<Deletion>, ApiError> {
    let address = find(engine, &name)?;
    let until_us = engine.clock.now_us() + UNDO_US;
    let number = address.number;
    let shown_to = name.clone();
    let work = move |connection: &Connection| {
        let deletions: Vec<DeletionRow> =
            DeletionRow::all(connection)?.into_iter().filter(|row| row.inbox == number).collect();
        if deletions.iter().any(|row| row.whole) {
            return Err(ApiError::no_inbox(&shown_to));
        }
        let last = if whole { i64::MAX } else { hookbench_store::request::newest(connection, Some(number))? };
        let (total, bytes) = hookbench_store::deletion::shown_totals(connection, number)?;
        let (pinned, pinned_bytes): (i64, i64) =
            if whole { (0, 0) } else { hookbench_store::deletion::pinned_totals(connection, number)? };
        let row = DeletionRow {
            number: 0,
            inbox: number,
            first: RowId(0).0,
            last,
            whole,
            requests: (total - pinned).max(0),
            bytes: (bytes - pinned_bytes).max(0),
            until_us,
        };
        // If nothing is left to delete, the previous deletion is returned, so that undo restores its requests.
        match deletions.into_iter().rev().find(|row| row.first != row.last) {
            Some(first) if !whole && row.requests == 0 => Ok((first, false)),
            _ => Ok((row.insert(connection)?, true)),
        }
    };
    let (feed, hidden, inboxes, shown_name) =
        (engine.feed.clone(), engine.hidden.clone(), engine.inboxes.clone(), name.clone());
    let outbox = engine.outbox.clone();
    let after = move |(row, new): &(DeletionRow, bool)| {
        if !new {
            return;
        }
        hidden.add(*row);
        if whole {
            if let Some(address) = inboxes.by_number(number) {
                outbox.hold(address.forward_ids(), true);
            }
            inboxes.remove(number);
        }
        feed.publish([Change::RequestsDeleted { deletion: row.shown(shown_name, |_| String::new()) }]);
    };
    let (row, _) = engine.store.write(work, after).await?;
    Ok(Json(row.shown(name, |_| String::new())))
}

/// Send a test event to an inbox
///
/// Sends a sample event to the inbox over HTTP, like any sender. Returns the status of the response.
#[utoipa::path(post, path = "/inboxes/{name}/test-event", tag = "inboxes", params(("name" = String, Path)), responses(
    (status = 200, body = InboxTestResult), (status = 404, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error)
))]
pub(crate) async fn test_event(
    State(engine): State<Arc<Engine>>,
    extract::Path(name): extract::Path<String>,
) -> Result<Json<InboxTestResult>, ApiError> {
    let address = find(&engine, &name)?;
    let not_listening = || {
        ApiError::new(
            ErrorCode::NotListening,
            "The listener is not running.",
            "Set a free listener address in the settings.",
        )
    };
    let ListenerState::Listening { url, .. } = engine.listener.state() else { return Err(not_listening()) };
    let target = url.trim_start_matches("http://").parse().map_err(|_| not_listening())?;
    // The response of the inbox can be delayed for longer than an API request may take. The configured status is
    // returned then, and the task sends the event to its end.
    let (catalog, now_ms) = (engine.providers.catalog(), engine.clock.now_us() / 1_000);
    let configured = address.response.status.as_u16();
    let sending = tokio::spawn(async move { test_event::send(&catalog, target, &address, now_ms).await });
    let failed = |reason: String| ApiError::internal(format!("The test event could not be sent: {reason}."));
    match tokio::time::timeout(std::time::Duration::from_secs(2), sending).await {
        Ok(Ok(Ok(status))) => Ok(Json(InboxTestResult { status })),
        Ok(Ok(Err(reason))) => Err(failed(reason.to_string())),
        Ok(Err(stopped)) => Err(failed(stopped.to_string())),
        Err(_) => Ok(Json(InboxTestResult { status: configured })),
    }
}
