//! Routes for sending and listing events.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use hookbench_delivery::{RATE_MIN, once, vendor_request, vendor_request::SampleContext};
use hookbench_engine::Engine;
use hookbench_model::{
    Change, Delivery, DeliveryOrigin, DeliveryState, EndpointSettings, Event, EventList, EventSendResult,
    PolicyOverrides,
};
use hookbench_provider::{Provider, Sample, splice};
use hookbench_store::{
    endpoint::{EndpointRow, Purpose},
    event,
    event::{EventDestination, EventNew},
};
use http::StatusCode;
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use utoipa::ToSchema;

use super::{
    error::ApiError,
    extract,
    page::{self, PageQuery},
};

/// Default number of items per page.
const LIMIT: u32 = 100;

/// Maximum number of deliveries that one API request creates.
pub(crate) const DELIVERIES_MAX: usize = 10_000;

/// Maximum number of deliveries created in one transaction.
const BATCH_SIZE: usize = 500;
/// Size of the payloads stored in one transaction, in bytes, after which the next transaction starts.
const SLICE_BYTES: usize = 4 * 1024 * 1024;

/// Maximum size of a payload, in bytes. Equal to the limit of GitHub, which is the highest of any vendor
/// (docs.github.com, "Webhook events and payloads", "Payload cap").
pub const PAYLOAD_MAX: usize = 25 * 1024 * 1024;

/// Maximum number of deliveries in a response. `/deliveries` lists all of them.
const SHOWN: usize = 500;

/// An event to send.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventSend {
    /// ID of the provider.
    provider: String,
    /// Event type.
    #[serde(rename = "type")]
    kind: String,
    /// Payload as JSON, with or without placeholders such as `{{uuid chat}}`. Everything except the placeholders is
    /// sent byte for byte. Default: the sample of the provider.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    payload: Option<Box<RawValue>>,
    /// Payload as text, JSON or not, which is sent exactly. At most 25 MiB.
    #[serde(default)]
    body: Option<String>,
    /// Payload in base64, for bytes that are not text. At most 25 MiB.
    #[serde(default)]
    body_base64: Option<String>,
    /// True to fill placeholders such as `{{uuid chat}}` in `body`, which must then be JSON. Default: false.
    #[serde(default)]
    fill: bool,
    /// Values to set in the payload, by path such as `data.chat.id`. The payload must be JSON. The values are sent
    /// as written, and the rest of the payload does not change.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    set: BTreeMap<String, Box<RawValue>>,
    /// Seed of generated values. The same seed generates the same values. Default: random.
    #[serde(default)]
    seed: Option<u64>,
    /// IDs of the endpoints to send to. Default: all endpoints of the provider that are subscribed to the event type.
    #[serde(default)]
    endpoints: Option<Vec<String>>,
    /// Only endpoints of this account.
    #[serde(default)]
    account: Option<String>,
    /// Settings of a temporary endpoint for this request. The endpoint is not listed. Its deliveries are canceled when
    /// clients no longer request them.
    #[serde(default)]
    to: Option<EndpointSettings>,
    /// True to retry deliveries to the temporary endpoint as the vendor does. Default: false.
    #[serde(default)]
    retries: bool,
    /// Number of events, at least 1. Default: 1.
    #[serde(default = "one")]
    count: u32,
    /// Number of events per second, from 0.0001 to 1000000. Default: all events are sent at once.
    #[serde(default)]
    rate: Option<f64>,
}

/// Source of the payload of an event.
enum Draft<'a> {
    /// Sample of the provider, sent as compact JSON.
    Sample(Value),
    /// JSON text, sent as written with its placeholders filled.
    Text(&'a str),
    /// Bytes that are sent unchanged.
    Exact(Cow<'a, [u8]>),
}

impl EventSend {
    fn draft<'a>(&'a self, provider: &'a Provider) -> Result<Draft<'a>, ApiError> {
        let given = [self.payload.is_some(), self.body.is_some(), self.body_base64.is_some()];
        if given.into_iter().filter(|given| *given).count() > 1 {
            return Err(ApiError::invalid("Pass only one of `payload`, `body` and `body_base64`."));
        }
        let draft = match (&self.payload, &self.body, &self.body_base64) {
            (Some(payload), ..) => Draft::Text(payload.get()),
            (_, Some(body), _) if self.fill => Draft::Text(body),
            (_, Some(body), _) => Draft::Exact(body.as_bytes().into()),
            (.., Some(coded)) => {
                use base64::Engine as _;
                let bytes = base64::engine::general_purpose::STANDARD.decode(coded.trim());
                Draft::Exact(
                    bytes.map_err(|why| ApiError::invalid(format!("`body_base64` is not base64: {why}.")))?.into(),
                )
            }
            (None, None, None) => Draft::Sample(self.sample(provider)?),
        };
        let bytes = match &draft {
            Draft::Sample(_) => 0,
            Draft::Text(text) => text.len(),
            Draft::Exact(bytes) => bytes.len(),
        };
        match bytes > PAYLOAD_MAX {
            true => Err(ApiError::invalid(format!(
                "The payload must have at most {PAYLOAD_MAX} bytes (25 MiB, got {bytes})."
            ))),
            false => Ok(draft),
        }
    }

    fn sample(&self, provider: &Provider) -> Result<Value, ApiError> {
        let sending = provider.sending.as_ref();
        let events = sending.iter().flat_map(|sending| &sending.events).map(|event| (&event.kind, &event.sample));
        let test = sending.iter().filter_map(|sending| sending.test.as_ref()).map(|test| (&test.event, &test.sample));
        let known: Vec<(&String, &Sample)> = events.chain(test).collect();
        let by_type = || sending?.event(&self.kind).map(|event| &event.sample);
        let found = known.iter().find(|(kind, _)| **kind == self.kind).map(|(_, sample)| *sample);
        if let Some(sample) = found.or_else(by_type) {
            return Ok(sample.value());
        }
        let kinds: Vec<&str> = known.iter().map(|(kind, _)| kind.as_str()).collect();
        let more = sending.is_some_and(|sending| sending.more_events);
        Err(ApiError::invalid(match (kinds.is_empty(), more) {
            (true, _) => format!("Hookbench has no sample of an event of {}. Pass a payload.", provider.name),
            (_, true) => format!(
                "Hookbench has no sample of the event {:?} of {}. Pass a payload, or use one of {}.",
                self.kind,
                provider.name,
                kinds.join(", ")
            ),
            _ => format!("{} has no event {:?}. Allowed events: {}.", provider.name, self.kind, kinds.join(", ")),
        }))
    }
}

impl Draft<'_> {
    /// Returns the payload of one event.
    fn payload(
        &self,
        kind: &str,
        moment: &SampleContext<'_>,
        set: &BTreeMap<String, Box<RawValue>>,
    ) -> Result<Vec<u8>, ApiError> {
        let wrong = |why: String| ApiError::invalid(format!("{why}."));
        let mut text = match self {
            Self::Exact(bytes) if set.is_empty() => return Ok(bytes.to_vec()),
            Self::Exact(bytes) => {
                String::from_utf8(bytes.to_vec()).map_err(|_| ApiError::invalid("`set` requires a JSON payload."))?
            }
            Self::Text(text) => splice::filled(text, &moment.seeds(kind)).map_err(wrong)?,
            // This function is faster than `Value::to_string`, which uses a formatter.
            Self::Sample(sample) => serde_json::to_string(&vendor_request::payload(kind, sample, moment))
                .map_err(|error| wrong(format!("The sample of {kind} cannot be serialized: {error}")))?,
        };
        for (path, value) in set {
            text = splice::set(&text, path, value).map_err(wrong)?;
        }
        Ok(text.into_bytes())
    }
}

fn one() -> u32 {
    1
}

/// Sends events, each with a delay in µs. Returns the first deliveries.
pub(crate) async fn send_all(
    engine: &Arc<Engine>,
    events: impl Iterator<Item = Result<(EventNew, i64), ApiError>> + Send,
    endpoints: Vec<EndpointRow>,
) -> Result<EventSendResult, ApiError> {
    let mut sent = EventSendResult { events: Vec::new(), deliveries: Vec::new(), run: None };
    // An event without endpoints is not stored.
    if !endpoints.is_empty() {
        let (ids, shown) = (&mut sent.events, &mut sent.deliveries);
        let events = events.inspect(|event| ids.extend(event.iter().map(|(event, _)| event.id.clone())));
        let more = |delivery| {
            if shown.len() < SHOWN {
                shown.push(delivery);
            }
        };
        send_events(engine, events, endpoints, DeliveryOrigin::Event, more).await?;
    }
    Ok(sent)
}

/// Send events
///
/// Sends one or more events to the endpoints that are subscribed to the event type. Returns before the deliveries end.
#[utoipa::path(post, path = "/events", tag = "events", request_body = EventSend, responses(
    (status = 202, body = EventSendResult), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn send(
    State(engine): State<Arc<Engine>>,
    extract::Json(wanted): extract::Json<EventSend>,
) -> Result<(StatusCode, Json<EventSendResult>), ApiError> {
    let catalog = engine.providers.catalog();
    let provider = catalog.get(&wanted.provider).ok_or_else(|| {
        ApiError::invalid(format!("There is no provider {:?}. See `hookbench provider list`.", wanted.provider))
    })?;
    let draft = wanted.draft(provider)?;
    let kind = provider.sent_as(&wanted.kind);
    if let Some(rate) = wanted.rate.filter(|rate| !(RATE_MIN..=1_000_000.0).contains(rate)) {
        return Err(ApiError::invalid(format!(
            "`rate` must be between {RATE_MIN} and 1000000 events per second (got {rate})."
        )));
    }
    let destinations = EventDestinations {
        provider: &wanted.provider,
        endpoints: wanted.endpoints.as_deref(),
        account: wanted.account.as_deref(),
        to: wanted.to.as_ref(),
        retries: wanted.retries,
    };
    let endpoints = destinations.find(&engine).await?;
    if wanted.count == 0 || wanted.count as usize * endpoints.len().max(1) > DELIVERIES_MAX {
        return Err(ApiError::invalid(format!("One request must create between 1 and {DELIVERIES_MAX} deliveries.")));
    }
    let seed = wanted.seed.unwrap_or_else(|| uuid::Uuid::now_v7().as_u128() as u64);
    let now_us = engine.clock.now_us();
    let event = |step: u32| {
        let id = uuid::Uuid::now_v7().to_string();
        let delay_us = wanted.rate.map_or(0, |rate| (f64::from(step) * 1e6 / rate) as i64);
        let now_ms = (now_us + delay_us) / 1_000;
        let moment = SampleContext { id: &id, seed: seed.wrapping_add(u64::from(step)), step, now_ms };
        let payload = draft.payload(kind, &moment, &wanted.set)?;
        Ok((EventNew { id, provider: provider.id.clone(), kind: kind.to_owned(), payload, run: None }, delay_us))
    };
    let events = (0..wanted.count).map(event);
    Ok((StatusCode::ACCEPTED, Json(send_all(&engine, events, endpoints).await?)))
}

/// Selection of the endpoints that events are sent to.
pub(crate) struct EventDestinations<'a> {
    pub(crate) provider: &'a str,
    /// IDs of the endpoints.
    pub(crate) endpoints: Option<&'a [String]>,
    /// Account of the endpoints.
    pub(crate) account: Option<&'a str>,
    /// Settings of a temporary endpoint.
    pub(crate) to: Option<&'a EndpointSettings>,
    /// True if deliveries to the temporary endpoint are retried.
    pub(crate) retries: bool,
}

impl EventDestinations<'_> {
    /// Returns the selected endpoints.
    pub(crate) async fn find(&self, engine: &Arc<Engine>) -> Result<Vec<EndpointRow>, ApiError> {
        if let Some(to) = self.to {
            let mut settings = EndpointSettings { provider: self.provider.to_owned(), ..to.clone() };
            if !self.retries {
                settings.policy =
                    PolicyOverrides { schedule: once().schedule, disable: once().disable, ..settings.policy };
            }
            return Ok(vec![crate::endpoints::add_endpoint(engine, settings, Purpose::Ephemeral).await?]);
        }
        let all = engine.outbox.schedule().endpoints();
        if let Some(ids) = self.endpoints {
            let by_id = |id: &String| {
                let row = all.iter().find(|row| row.id == *id).ok_or_else(|| ApiError::no_endpoint(id))?;
                if row.settings.provider != self.provider {
                    return Err(ApiError::invalid(format!(
                        "The endpoint {} belongs to the provider {}, which does not send this event.",
                        hookbench_delivery::shown_name(&row.settings),
                        row.settings.provider
                    )));
                }
                Ok((**row).clone())
            };
            return ids.iter().map(by_id).collect();
        }
        let account = |row: &EndpointRow| self.account.is_none_or(|account| *account == row.settings.account);
        let takes = |row: &&Arc<EndpointRow>| row.settings.provider == self.provider && account(row);
        Ok(all.iter().filter(takes).map(|row| (**row).clone()).collect())
    }
}

/// List events
///
/// Returns the events that were sent, newest first.
#[utoipa::path(get, path = "/events", tag = "events", params(PageQuery), responses(
    (status = 200, body = EventList), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn list(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<PageQuery>,
) -> Result<Json<EventList>, ApiError> {
    let limit = page::limit(query.limit, LIMIT)?;
    let found = move |connection: &Connection| {
        let after = match &query.after {
            Some(id) => Some(event::number_of(connection, id)?.unwrap_or(0)),
            None => None,
        };
        event::list(connection, after, limit)
    };
    let items: Vec<Event> = engine.store.readers().read(found).await?.into_iter().map(|(_, event)| event).collect();
    let next = page::next(&items, limit, |event| &event.id);
    Ok(Json(EventList { items, next }))
}

/// Stores events, each with a delay in µs, and schedules their deliveries to `endpoints`, which must not be empty.
/// Events are created and stored in batches, so that captures do not wait for long transactions and memory use stays
/// limited.
pub(crate) async fn send_events(
    engine: &Arc<Engine>,
    mut events: impl Iterator<Item = Result<(EventNew, i64), ApiError>> + Send,
    endpoints: Vec<EndpointRow>,
    origin: DeliveryOrigin,
    mut made: impl FnMut(Delivery) + Send,
) -> Result<(), ApiError> {
    let now_us = engine.clock.now_us();
    let endpoints = Arc::new(endpoints);
    loop {
        let (mut slice, mut bytes) = (Vec::new(), 0);
        while slice.len() * endpoints.len() < BATCH_SIZE && bytes < SLICE_BYTES {
            let Some(event) = events.next() else { break };
            let event: (EventNew, i64) = event?;
            bytes += event.0.payload.len();
            slice.push(event);
        }
        if slice.is_empty() {
            return Ok(());
        }
        let destinations = endpoints.clone();
        let work = move |connection: &Connection| {
            // The state is read again for each batch, because an earlier batch can have disabled an endpoint.
            let destinations: Vec<EventDestination<'_>> = destinations
                .iter()
                .map(|endpoint| Ok(EventDestination { endpoint, off: endpoint.off(connection)? }))
                .collect::<rusqlite::Result<_>>()?;
            let mut all = Vec::new();
            for (event, delay_us) in &slice {
                let deliveries = event::insert(connection, event, &destinations, origin, now_us, *delay_us)?;
                all.extend(deliveries.into_iter().zip(&destinations).map(
                    |((number, due_us, delivery), destination)| (number, destination.endpoint.number, due_us, delivery),
                ));
            }
            Ok::<_, rusqlite::Error>(all)
        };
        let (outbox, feed) = (engine.outbox.clone(), engine.feed.clone());
        let after = move |all: &Vec<(i64, i64, i64, Delivery)>| {
            let mut schedule = outbox.schedule();
            for (number, endpoint, due_us, delivery) in all {
                if delivery.state == DeliveryState::Waiting {
                    schedule.wait(*number, *endpoint, *due_us);
                }
            }
            drop(schedule);
            outbox.wake();
            feed.publish(all.iter().map(|(.., delivery)| Change::DeliveryChanged { delivery: delivery.clone() }));
        };
        engine.store.write(work, after).await?.into_iter().for_each(|(.., delivery)| made(delivery));
    }
}
