use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use hookbench_delivery::{RATE_MIN, once, vendor_request, vendor_request::SampleContext};
use hookbench_engine::Engine;
use hookbench_model::{
    Change, Delivery, DeliveryOrigin, DeliveryState, EndpointSettings, Event, EventList, EventSendResult,
    PolicyOverrides,
};
use hookbench_provider::{Provider, splice};
use hookbench_store::{
    endpoint::{EndpointRow, Purpose},
    event,
    event::{EventNew, Receiver},
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

/// Items of a page where the caller asks for no number.
const LIMIT: u32 = 100;

/// Most deliveries one call makes.
pub(crate) const DELIVERIES_MAX: usize = 10_000;

/// Deliveries made in one transaction, and bytes of their payloads.
const SLICE: usize = 500;
const SLICE_BYTES: usize = 4 * 1024 * 1024;

/// Largest payload, in bytes: GitHub's own limit, the highest of any vendor (docs.github.com, "Webhook events
/// and payloads", "Payload cap").
pub const PAYLOAD_MAX: usize = 25 * 1024 * 1024;

/// Deliveries an answer shows; all of them are listed under `/deliveries`.
const SHOWN: usize = 500;

/// An event to be sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventSend {
    /// Id of the vendor.
    provider: String,
    /// The event type.
    #[serde(rename = "type")]
    kind: String,
    /// The payload as JSON, with or without places such as `{{uuid chat}}`; the vendor's sample if absent.
    /// Everything except the places is sent byte for byte.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    payload: Option<Box<RawValue>>,
    /// The payload as the exact text that is sent, JSON or not. At most 25 MiB.
    #[serde(default)]
    body: Option<String>,
    /// The same in base64, for bytes that are not text.
    #[serde(default)]
    body_base64: Option<String>,
    /// Whether to fill places such as `{{uuid chat}}` in `body`, which must then be JSON.
    #[serde(default)]
    fill: bool,
    /// Values to set in the payload, by path such as `data.chat.id`. The payload must be JSON. The values are sent
    /// as written, and the rest of the payload does not change.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    set: BTreeMap<String, Box<RawValue>>,
    /// Makes the same values again; another each time if absent.
    #[serde(default)]
    seed: Option<u64>,
    /// Ids of the endpoints it goes to; all of the vendor that take it if absent.
    #[serde(default)]
    endpoints: Option<Vec<String>>,
    /// Only endpoints of this scope.
    #[serde(default)]
    scope: Option<String>,
    /// An endpoint for this call alone: it is listed nowhere, and its deliveries end when nobody
    /// asks about them any more.
    #[serde(default)]
    to: Option<EndpointSettings>,
    /// Whether what goes `to` there is tried again as the vendor does.
    #[serde(default)]
    retries: bool,
    /// How many.
    #[serde(default = "one")]
    count: u32,
    /// How many a second; all at once if absent.
    #[serde(default)]
    rate: Option<f64>,
}

/// What an event's payload is made of.
enum Draft<'a> {
    /// A vendor's sample, which leaves as compact JSON.
    Sample(&'a Value),
    /// JSON that is sent as it is written, with its places filled.
    Text(&'a str),
    /// Bytes that are sent as they are.
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
                    bytes.map_err(|why| ApiError::invalid(format!("body_base64 is not base64: {why}.")))?.into(),
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
                "The payload must have at most {PAYLOAD_MAX} bytes (25 MiB), the highest limit of any vendor (got {bytes})."
            ))),
            false => Ok(draft),
        }
    }

    fn sample<'a>(&self, provider: &'a Provider) -> Result<&'a Value, ApiError> {
        let sending = provider.sending.as_ref();
        let events = sending.iter().flat_map(|sending| &sending.events).map(|event| (&event.kind, &event.sample));
        let test = sending.iter().filter_map(|sending| sending.test.as_ref()).map(|test| (&test.event, &test.sample));
        let known: Vec<(&String, &Value)> = events.chain(test).collect();
        if let Some((_, sample)) = known.iter().find(|(kind, _)| **kind == self.kind) {
            return Ok(*sample);
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
            _ => format!("{} has no event {:?}; it has {}.", provider.name, self.kind, kinds.join(", ")),
        }))
    }
}

impl Draft<'_> {
    /// The payload of one event.
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
                String::from_utf8(bytes.to_vec()).map_err(|_| ApiError::invalid("`set` needs a payload in JSON."))?
            }
            Self::Text(text) => splice::filled(text, &moment.seeds(kind)).map_err(wrong)?,
            // Faster than `Value::to_string`, which writes by way of a formatter.
            Self::Sample(sample) => serde_json::to_string(&vendor_request::payload(kind, sample, moment))
                .map_err(|error| wrong(format!("The sample of {kind} cannot be written: {error}")))?,
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
    let mut sent = EventSendResult { events: Vec::new(), deliveries: Vec::new() };
    // An event that nobody gets did not happen.
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

/// Send an event to the endpoints that take it.
#[utoipa::path(post, path = "/events", tag = "events", request_body = EventSend, responses(
    (status = 202, body = EventSendResult), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn send(
    State(engine): State<Arc<Engine>>,
    extract::Json(wanted): extract::Json<EventSend>,
) -> Result<(StatusCode, Json<EventSendResult>), ApiError> {
    let catalogue = engine.providers.catalogue();
    let provider = catalogue.get(&wanted.provider).ok_or_else(|| {
        ApiError::invalid(format!("There is no provider {:?}; `hookbench providers` lists them.", wanted.provider))
    })?;
    let draft = wanted.draft(provider)?;
    if wanted.rate.is_some_and(|rate| !(RATE_MIN..=1_000_000.0).contains(&rate)) {
        return Err(ApiError::invalid(format!("The rate is a number of events a second, from {RATE_MIN} to 1000000.")));
    }
    let receivers = Receivers {
        provider: &wanted.provider,
        endpoints: wanted.endpoints.as_deref(),
        scope: wanted.scope.as_deref(),
        to: wanted.to.as_ref(),
        retries: wanted.retries,
    };
    let endpoints = receivers.find(&engine).await?;
    if wanted.count == 0 || wanted.count as usize * endpoints.len().max(1) > DELIVERIES_MAX {
        return Err(ApiError::invalid(format!("One call makes from 1 to {DELIVERIES_MAX} deliveries.")));
    }
    let seed = wanted.seed.unwrap_or_else(|| uuid::Uuid::now_v7().as_u128() as u64);
    let now_us = engine.clock.now_us();
    let event = |step: u32| {
        let id = uuid::Uuid::now_v7().to_string();
        let delay_us = wanted.rate.map_or(0, |rate| (f64::from(step) * 1e6 / rate) as i64);
        let now_ms = (now_us + delay_us) / 1_000;
        let moment = SampleContext { id: &id, seed: seed.wrapping_add(u64::from(step)), step, now_ms };
        let payload = draft.payload(&wanted.kind, &moment, &wanted.set)?;
        Ok((EventNew { id, provider: provider.id.clone(), kind: wanted.kind.clone(), payload }, delay_us))
    };
    let events = (0..wanted.count).map(event);
    Ok((StatusCode::ACCEPTED, Json(send_all(&engine, events, endpoints).await?)))
}

/// Which endpoints something goes to.
pub(crate) struct Receivers<'a> {
    pub(crate) provider: &'a str,
    /// By their ids.
    pub(crate) endpoints: Option<&'a [String]>,
    /// Those of a scope.
    pub(crate) scope: Option<&'a str>,
    /// One for this call alone.
    pub(crate) to: Option<&'a EndpointSettings>,
    /// Whether what goes to that one is tried again.
    pub(crate) retries: bool,
}

impl Receivers<'_> {
    /// The endpoints.
    pub(crate) async fn find(&self, engine: &Arc<Engine>) -> Result<Vec<EndpointRow>, ApiError> {
        if let Some(to) = self.to {
            let mut settings = EndpointSettings { provider: self.provider.to_owned(), ..to.clone() };
            if !self.retries {
                settings.policy =
                    PolicyOverrides { schedule: once().schedule, disable: once().disable, ..settings.policy };
            }
            return Ok(vec![crate::endpoints::add_endpoint(engine, settings, Purpose::Passing).await?]);
        }
        let all = engine.outbox.schedule().endpoints();
        if let Some(ids) = self.endpoints {
            let by_id = |id: &String| {
                let row = all.iter().find(|row| row.id == *id).ok_or_else(|| ApiError::no_endpoint(id))?;
                if row.settings.provider != self.provider {
                    return Err(ApiError::invalid(format!(
                        "The endpoint {} is one of {}, which does not send this event.",
                        hookbench_delivery::shown_name(&row.settings),
                        row.settings.provider
                    )));
                }
                Ok((**row).clone())
            };
            return ids.iter().map(by_id).collect();
        }
        let scope = |row: &EndpointRow| self.scope.is_none_or(|scope| *scope == row.settings.scope);
        let takes = |row: &&Arc<EndpointRow>| row.settings.provider == self.provider && scope(row);
        Ok(all.iter().filter(takes).map(|row| (**row).clone()).collect())
    }
}

/// Events that were sent, newest first.
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

/// Stores events, each with a delay in µs, and lets them go to these endpoints, of which there
/// is one at least. They are made and stored slice by slice: no request that arrives waits for
/// thousands of events, and no memory holds them all.
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
        while slice.len() * endpoints.len() < SLICE && bytes < SLICE_BYTES {
            let Some(event) = events.next() else { break };
            let event: (EventNew, i64) = event?;
            bytes += event.0.payload.len();
            slice.push(event);
        }
        if slice.is_empty() {
            return Ok(());
        }
        let receivers = endpoints.clone();
        let work = move |connection: &Connection| {
            // As they are now: one may have been switched off by what an earlier slice brought.
            let receivers: Vec<Receiver<'_>> = receivers
                .iter()
                .map(|endpoint| Ok(Receiver { endpoint, off: endpoint.off(connection)? }))
                .collect::<rusqlite::Result<_>>()?;
            let mut all = Vec::new();
            for (event, delay_us) in &slice {
                let deliveries = event::insert(connection, event, &receivers, origin, now_us, *delay_us)?;
                all.extend(deliveries.into_iter().zip(&receivers).map(|((number, due_us, delivery), receiver)| {
                    (number, receiver.endpoint.number, due_us, delivery)
                }));
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
