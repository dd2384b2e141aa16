//! Routes for endpoints.

use std::sync::Arc;

use axum::{Json, extract::State};
use hookbench_delivery::{new_secret, vendor_request, vendor_request::SampleContext};
use hookbench_engine::Engine;
use hookbench_model::{
    Change, Delivery, DeliveryOrigin, Diagnosis, Endpoint, EndpointList, EndpointSecret, EndpointSecretList,
    EndpointSettings, EndpointStats, ErrorCode, timestamp,
};
use hookbench_provider::Catalog;
use hookbench_store::{
    delivery,
    delivery::{Conditions, skip_waiting},
    endpoint::{EndpointRow, OtherEndpoints, Purpose},
    endpoint_stats,
    event::EventNew,
};
use http::StatusCode;
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{error::ApiError, extract, json_fault::in_words, page};

/// Time that the previous secret is used in addition after a rotation, in µs: 24 hours, as in Svix and Outpost.
const OVERLAP_US: i64 = 24 * 3_600 * 1_000_000;

/// Changes to an endpoint.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndpointChange {
    /// Settings to change, with their new values. Settings that are absent are not changed.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    settings: Option<serde_json::Map<String, Value>>,
    /// True to enable the endpoint, false to disable it.
    #[serde(default)]
    enabled: Option<bool>,
}

/// Default number of items per page.
const LIMIT: u32 = 500;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only endpoints with this name.
    name: Option<String>,
    /// Only endpoints of this provider, by ID.
    provider: Option<String>,
    /// ID of the last endpoint of the previous page. Only newer endpoints are listed.
    after: Option<String>,
    /// Maximum number of items, from 1 to 500. Default: 500.
    limit: Option<u32>,
}

/// List endpoints
///
/// Returns endpoints, oldest first.
#[utoipa::path(get, path = "/endpoints", tag = "endpoints", params(ListQuery), responses(
    (status = 200, body = EndpointList), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn list(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<ListQuery>,
) -> Result<Json<EndpointList>, ApiError> {
    let limit = page::limit(query.limit, LIMIT)?;
    let seq = engine.feed().last();
    let catalog = engine.providers.catalog();
    let schedule = engine.outbox.schedule();
    let after = match &query.after {
        Some(id) => schedule.with_id(id).ok_or_else(|| ApiError::no_endpoint(id))?.number,
        None => i64::MIN,
    };
    let rows = schedule.endpoints();
    drop(schedule);
    let wanted = |row: &&Arc<EndpointRow>| {
        row.number > after
            && query.name.as_ref().is_none_or(|name| *name == row.settings.name)
            && query.provider.as_ref().is_none_or(|provider| *provider == row.settings.provider)
    };
    let mut found = rows.iter().filter(wanted);
    let items: Vec<Endpoint> = found.by_ref().take(limit as usize).map(|row| row.shown(&catalog)).collect();
    let next = found.next().and_then(|_| items.last()).map(|last| last.id.clone());
    Ok(Json(EndpointList { items, next, seq }))
}

/// Retrieve an endpoint
///
/// Returns an endpoint. Secrets are masked.
#[utoipa::path(get, path = "/endpoints/{id}", tag = "endpoints", params(("id" = String, Path)), responses(
    (status = 200, body = Endpoint), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Endpoint>, ApiError> {
    let row = stored(&engine, &id).await?;
    Ok(Json(row.shown(&engine.providers.catalog())))
}

async fn stored(engine: &Engine, id: &str) -> Result<EndpointRow, ApiError> {
    let wanted = id.to_owned();
    let found = engine.store.readers().read(move |connection| EndpointRow::with_id(connection, &wanted)).await?;
    found.ok_or_else(|| ApiError::no_endpoint(id))
}

/// Returns the other endpoints that count toward the limits of the vendor. Returns none if no limit applies.
fn beside(
    connection: &Connection,
    catalog: &Catalog,
    settings: &EndpointSettings,
    but: i64,
) -> rusqlite::Result<OtherEndpoints> {
    if hookbench_delivery::is_counted(settings, catalog) {
        OtherEndpoints::of(connection, settings, but)
    } else {
        Ok(OtherEndpoints::default())
    }
}

/// Create an endpoint
///
/// Creates an endpoint. If the vendor signs requests and no secret is given, a secret is generated.
#[utoipa::path(post, path = "/endpoints", tag = "endpoints", request_body = EndpointSettings, responses(
    (status = 201, body = Endpoint), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn add(
    State(engine): State<Arc<Engine>>,
    extract::Json(settings): extract::Json<EndpointSettings>,
) -> Result<(StatusCode, Json<Endpoint>), ApiError> {
    let row = add_endpoint(&engine, settings, Purpose::User).await?;
    Ok((StatusCode::CREATED, Json(row.shown(&engine.providers.catalog()))))
}

/// Creates an endpoint. Only endpoints that a user created count toward the limits of the vendor.
pub(crate) async fn add_endpoint(
    engine: &Arc<Engine>,
    mut settings: EndpointSettings,
    purpose: Purpose,
) -> Result<EndpointRow, ApiError> {
    let catalog = engine.providers.catalog();
    let now_us = engine.clock.now_us();
    if settings.secrets.is_empty()
        && let Some(provider) = catalog.get(&settings.provider)
        && hookbench_delivery::signing(&settings, &catalog).is_some()
    {
        let form = provider.sending.as_ref().map(|sending| sending.secret).unwrap_or_default();
        let value = new_secret(form).map_err(ApiError::internal)?;
        settings.secrets = vec![EndpointSecret { value, until: None }];
    }
    let (outbox, feed, shown_by) = (engine.outbox.clone(), engine.feed.clone(), catalog.clone());
    let work = move |connection: &Connection| {
        let beside = match purpose {
            Purpose::User => beside(connection, &catalog, &settings, 0)?,
            _ => OtherEndpoints::default(),
        };
        if let Some(fault) = hookbench_delivery::fault(&settings, &catalog, beside) {
            return Err(ApiError::invalid(fault));
        }
        Ok::<_, ApiError>(EndpointRow::insert(connection, &settings, purpose, now_us)?)
    };
    let after = move |row: &EndpointRow| {
        outbox.schedule().set_endpoint(row.clone(), now_us);
        if purpose == Purpose::User {
            feed.publish([Change::EndpointChanged { endpoint: Box::new(row.shown(&shown_by)) }]);
        }
    };
    Ok(engine.store.write(work, after).await?)
}

/// Changes an endpoint and returns the changed row.
async fn change_endpoint(
    engine: &Arc<Engine>,
    id: String,
    change: impl FnOnce(&Connection, &mut EndpointRow) -> Result<Vec<i64>, ApiError> + Send + 'static,
) -> Result<EndpointRow, ApiError> {
    let catalog = engine.providers.catalog();
    let (outbox, feed, shown_by) = (engine.outbox.clone(), engine.feed.clone(), catalog.clone());
    let now_us = engine.clock.now_us();
    let work = move |connection: &Connection| {
        let mut row = EndpointRow::with_id(connection, &id)?.ok_or_else(|| ApiError::no_endpoint(&id))?;
        let was = row.clone();
        let ended = change(connection, &mut row)?;
        if row.settings != was.settings {
            let beside = beside(connection, &catalog, &row.settings, row.number)?;
            if let Some(fault) = hookbench_delivery::fault(&row.settings, &catalog, beside) {
                return Err(ApiError::invalid(fault));
            }
        }
        let due = again_due(connection, &was, &row, now_us)?;
        row.update(connection)?;
        let shown: Vec<Delivery> = ended
            .iter()
            .filter_map(|number| delivery::one(connection, *number).transpose())
            .collect::<Result<_, _>>()?;
        Ok::<_, ApiError>((row, ended, due, shown))
    };
    type Changed = (EndpointRow, Vec<i64>, Vec<(i64, i64)>, Vec<Delivery>);
    let after = move |(row, ended, due, shown): &Changed| {
        let mut schedule = outbox.schedule();
        schedule.set_endpoint(row.clone(), now_us);
        for number in ended {
            schedule.forget(*number);
        }
        for (number, due_us) in due {
            schedule.wait(*number, row.number, *due_us);
        }
        drop(schedule);
        outbox.wake();
        let deliveries = shown.iter().map(|delivery| Change::DeliveryChanged { delivery: delivery.clone() });
        feed.publish(
            [Change::EndpointChanged { endpoint: Box::new(row.shown(&shown_by)) }].into_iter().chain(deliveries),
        );
    };
    Ok(engine.store.write(work, after).await?.0)
}

/// Reschedules the waiting deliveries of an endpoint if its retry clock was paused, resumed or set to another speed.
/// The remaining delay is kept, scaled to the new speed. Returns the number and the due time in µs of each delivery.
fn again_due(
    connection: &Connection,
    was: &EndpointRow,
    now: &EndpointRow,
    now_us: i64,
) -> rusqlite::Result<Vec<(i64, i64)>> {
    let resumed = was.settings.paused && !now.settings.paused;
    let paused = !was.settings.paused && now.settings.paused;
    let ratio = was.settings.time_scale / now.settings.time_scale;
    if !resumed && !paused && (ratio - 1.0).abs() < f64::EPSILON {
        return Ok(Vec::new());
    }
    let waiting = hookbench_store::delivery::waiting_for(connection, now.number)?;
    // While the retry clock is paused, the current time of the endpoint is the time of the pause.
    let from_us = if resumed { was.paused_us.unwrap_or(now_us) } else { now_us };
    let mut due = Vec::new();
    for (number, due_us) in waiting {
        let left = (due_us - from_us).max(0) as f64;
        let due_us = now_us.saturating_add((left * ratio) as i64);
        hookbench_store::delivery::set_due(connection, number, due_us)?;
        due.push((number, due_us));
    }
    Ok(due)
}

/// Update an endpoint
///
/// Changes the settings of an endpoint, or enables or disables the endpoint. A masked secret keeps the current value.
#[utoipa::path(patch, path = "/endpoints/{id}", tag = "endpoints", params(("id" = String, Path)), request_body = EndpointChange, responses(
    (status = 200, body = Endpoint), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn change(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Json(change): extract::Json<EndpointChange>,
) -> Result<Json<Endpoint>, ApiError> {
    let now_us = engine.clock.now_us();
    let work = move |connection: &Connection, row: &mut EndpointRow| {
        if let Some(fields) = change.settings {
            let mut whole = serde_json::to_value(&row.settings).map_err(|e| ApiError::internal(e.to_string()))?;
            for (name, value) in fields {
                match (name.as_str(), value) {
                    // Overrides that are absent in the change are kept. Null deletes all overrides.
                    ("policy", Value::Object(own)) => own.into_iter().for_each(|(name, value)| {
                        whole["policy"][name] = value;
                    }),
                    ("policy", Value::Null) => whole["policy"] = Value::Object(serde_json::Map::new()),
                    (_, value) => whole[name] = value,
                }
            }
            let new: EndpointSettings =
                serde_path_to_error::deserialize(whole).map_err(|e| ApiError::invalid(in_words(&e.to_string())))?;
            let new = new.keeping_secrets(&row.settings);
            if new.paused != row.settings.paused {
                row.paused_us = new.paused.then_some(now_us);
            }
            row.settings = new;
        }
        match change.enabled {
            Some(true) if !row.enabled => {
                (row.enabled, row.reason, row.since_us) = (true, String::new(), now_us);
                (row.failed_attempts, row.exhausted) = (0, 0);
                Ok(Vec::new())
            }
            Some(false) if row.enabled => {
                (row.enabled, row.reason, row.since_us) = (false, "Disabled by the user.".into(), now_us);
                Ok(skip_waiting(connection, row.number, "The endpoint was disabled by the user.", now_us)?)
            }
            _ => Ok(Vec::new()),
        }
    };
    let row = change_endpoint(&engine, id, work).await?;
    Ok(Json(row.shown(&engine.providers.catalog())))
}

/// Delete an endpoint
///
/// Deletes an endpoint. Its deliveries are kept, and waiting deliveries are skipped.
#[utoipa::path(delete, path = "/endpoints/{id}", tag = "endpoints", params(("id" = String, Path)), responses(
    (status = 204), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn remove(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<StatusCode, ApiError> {
    let now_us = engine.clock.now_us();
    let (outbox, feed, removed) = (engine.outbox.clone(), engine.feed.clone(), id.clone());
    let work = move |connection: &Connection| {
        let row = EndpointRow::with_id(connection, &id)?.ok_or_else(|| ApiError::no_endpoint(&id))?;
        skip_waiting(connection, row.number, "The endpoint was deleted.", now_us)?;
        hookbench_store::endpoint::remove(connection, row.number)?;
        hookbench_store::endpoint::delete_unused(connection, row.number)?;
        Ok::<_, ApiError>(row.number)
    };
    let after = move |number: &i64| {
        outbox.schedule().remove_endpoint(*number);
        feed.publish([Change::EndpointDeleted { id: removed }]);
    };
    engine.store.write(work, after).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Retrieve the secrets of an endpoint
///
/// Returns the signing secrets of an endpoint, unmasked.
#[utoipa::path(get, path = "/endpoints/{id}/secrets", tag = "endpoints", params(("id" = String, Path)), responses(
    (status = 200, body = EndpointSecretList), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn secrets(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<EndpointSecretList>, ApiError> {
    Ok(Json(EndpointSecretList { items: stored(&engine, &id).await?.settings.secrets }))
}

/// Rotate the secret of an endpoint
///
/// Generates a new signing secret. If the signature scheme supports several signatures, requests are also signed with
/// the previous secret for 24 hours.
#[utoipa::path(post, path = "/endpoints/{id}/rotate", tag = "endpoints", params(("id" = String, Path)), responses(
    (status = 200, body = Endpoint), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn rotate(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Endpoint>, ApiError> {
    let catalog = engine.providers.catalog();
    let now_us = engine.clock.now_us();
    let work = move |_: &Connection, row: &mut EndpointRow| {
        let Some(record) = hookbench_delivery::signing(&row.settings, &catalog) else {
            return Err(ApiError::invalid(
                "The endpoint has no secret to rotate, because its requests are not signed.",
            ));
        };
        let overlaps = record.scheme.takes_several();
        let form = catalog.get(&row.settings.provider).and_then(|provider| provider.sending.as_ref());
        let value = new_secret(form.map(|sending| sending.secret).unwrap_or_default()).map_err(ApiError::internal)?;
        let until = timestamp(now_us + OVERLAP_US);
        let old = row.settings.secrets.drain(..).filter(|_| overlaps).take(1);
        let old: Vec<EndpointSecret> = old.map(|secret| EndpointSecret { until: Some(until), ..secret }).collect();
        row.settings.secrets = [EndpointSecret { value, until: None }].into_iter().chain(old).collect();
        Ok(Vec::new())
    };
    let row = change_endpoint(&engine, id, work).await?;
    Ok(Json(row.shown(&engine.providers.catalog())))
}

/// Retrieve the statistics of an endpoint
///
/// Returns statistics of the deliveries created in the last 24 hours. The ID of a forward is accepted as well.
#[utoipa::path(get, path = "/endpoints/{id}/stats", tag = "endpoints", params(("id" = String, Path)), responses(
    (status = 200, body = EndpointStats), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read_stats(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<EndpointStats>, ApiError> {
    let (wanted, now_us) = (id.clone(), engine.clock.now_us());
    let read = move |connection: &Connection| {
        let Some(row) = EndpointRow::destination(connection, &wanted)? else { return Ok(None) };
        endpoint_stats::stats(connection, row.number, now_us).map(Some)
    };
    engine.store.readers().read(read).await?.map(Json).ok_or_else(|| ApiError::no_endpoint(&id))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiagnoseQuery {
    /// Type of the event that did not arrive.
    event: Option<String>,
}

/// Diagnose an endpoint
///
/// Tests the possible reasons why an endpoint receives no events, one after the other. Sends a HEAD request to the
/// endpoint.
#[utoipa::path(post, path = "/endpoints/{id}/diagnose", tag = "endpoints", params(("id" = String, Path), DiagnoseQuery), responses(
    (status = 200, body = Diagnosis), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn diagnose(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<DiagnoseQuery>,
) -> Result<Json<Diagnosis>, ApiError> {
    let row = stored(&engine, &id).await?;
    let mut of_it = Conditions::default();
    of_it.add("d.endpoint = ?", [row.number.into()]);
    let last = engine.store.readers().read(move |connection| delivery::list(connection, &of_it, None, 1)).await?;
    let policy = hookbench_store::endpoint::policy_in_force(&row.settings, &engine.providers.catalog()).into_owned();
    let last = last.first().map(|(_, delivery)| delivery);
    let now_s = engine.clock.now_us() / 1_000_000;
    Ok(Json(Diagnosis { items: engine.outbox.diagnose(&row, &policy, query.event.as_deref(), last, now_s).await }))
}

/// Send a test event to an endpoint
///
/// Sends the test event of the provider. The delivery does not count in statistics.
#[utoipa::path(post, path = "/endpoints/{id}/test", tag = "endpoints", params(("id" = String, Path)), responses(
    (status = 202, body = Delivery), (status = 404, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error)
))]
pub(crate) async fn test(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<(StatusCode, Json<Delivery>), ApiError> {
    let row = stored(&engine, &id).await?;
    let catalog = engine.providers.catalog();
    let found = catalog.get(&row.settings.provider).and_then(vendor_request::test_event);
    let (kind, sample) = found.ok_or_else(|| {
        ApiError::new(
            ErrorCode::NoTestEvent,
            format!("There is no test event of the provider {}.", row.settings.provider),
            "Send an event with a custom payload.",
        )
    })?;
    let uuid = uuid::Uuid::now_v7();
    let event_id = uuid.to_string();
    let now_ms = engine.clock.now_us() / 1_000;
    let moment = SampleContext { id: &event_id, seed: uuid.as_u128() as u64, step: 0, now_ms };
    let payload = serde_json::to_vec(&vendor_request::payload(kind, &sample.value(), &moment)).unwrap_or_default();
    let provider = row.settings.provider.clone();
    let event = EventNew { id: event_id, provider, kind: kind.to_owned(), payload, run: None };
    let mut made = None;
    crate::events::send_events(&engine, [Ok((event, 0))].into_iter(), vec![row], DeliveryOrigin::Test, |delivery| {
        made = Some(delivery)
    })
    .await?;
    made.map(|delivery| (StatusCode::ACCEPTED, Json(delivery))).ok_or_else(|| ApiError::no_endpoint(&id))
}
