use std::sync::Arc;

use axum::{Json, extract::State};
use hookline_relay::client::CallError;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{error::ApiError, extract};
use crate::{
    Engine,
    tunnel::{Decided, ExposureSettings, Triage, Tunnel, TunnelError},
};

/// All tunnels.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TunnelList {
    items: Vec<Tunnel>,
    /// Number of the last change this list includes.
    seq: i64,
}

/// A tunnel to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TunnelNew {
    /// The relay's address, such as `https://relay.example`.
    relay: String,
    /// The code its owner gave; good once.
    code: String,
    /// What this machine is called there; its own name if absent.
    #[serde(default)]
    device: Option<String>,
}

/// What is to be changed of a tunnel.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TunnelChange {
    /// Whether it is to be up.
    on: bool,
}

/// What is to be done about requests that arrived while this machine was away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AwayDecision {
    /// What becomes of them.
    what: Triage,
    /// Whether they are signed anew where the inbox has a secret, as their own signatures may be too old.
    #[serde(default)]
    resign: bool,
}

fn no_tunnel() -> ApiError {
    ApiError::not_found("tunnel", "There is no tunnel with this id.")
}

impl From<TunnelError> for ApiError {
    fn from(error: TunnelError) -> Self {
        match error {
            TunnelError::Write(error) => error.into(),
            TunnelError::Read(error) => error.into(),
            TunnelError::StaysOpen(message) => Self::new(
                StatusCode::BAD_GATEWAY,
                "stays_open",
                message,
                "Try again when its relay can be reached, or remove the tunnel all the same.",
            ),
            TunnelError::Relay(error) => {
                let (status, code, hint) = match &error {
                    CallError::Unreached(_) => (
                        StatusCode::BAD_GATEWAY,
                        "relay_unreached",
                        "Check the address and the network; nothing was changed.",
                    ),
                    CallError::Odd(_) => (
                        StatusCode::BAD_GATEWAY,
                        "no_relay",
                        "Check the address: it is that of a `hookline relay serve`.",
                    ),
                    CallError::Refused(refused) if refused.code == "wrong_code" => (
                        StatusCode::UNPROCESSABLE_ENTITY,
                        "wrong_code",
                        "Ask the relay's owner for a new code: `hookline relay device add`.",
                    ),
                    CallError::Refused(_) => {
                        (StatusCode::UNPROCESSABLE_ENTITY, "relay_refused", "Correct it, or ask the relay's owner.")
                    }
                };
                let message = match &error {
                    CallError::Refused(refused) => refused.message.clone(),
                    CallError::Unreached(why) => format!("The relay was not reached: {}.", why.trim_end_matches('.')),
                    CallError::Odd(why) => format!("This is no Hookline relay: {why}."),
                };
                Self::new(status, code, message, hint)
            }
        }
    }
}

fn numbered(engine: &Engine, id: &str) -> Result<i64, ApiError> {
    engine.tunnels.with_id(id).ok_or_else(no_tunnel)
}

async fn shown(engine: &Engine, number: i64) -> Result<Json<Tunnel>, ApiError> {
    engine.tunnel(number).await?.map(Json).ok_or_else(no_tunnel)
}

/// All tunnels, and how each stands.
#[utoipa::path(get, path = "/tunnels", tag = "tunnels", responses((status = 200, body = TunnelList)))]
pub(super) async fn list(State(engine): State<Arc<Engine>>) -> Result<Json<TunnelList>, ApiError> {
    let seq = engine.feed().last();
    Ok(Json(TunnelList { items: engine.tunnels().await?, seq }))
}

/// Enrol this machine at a relay with a code of its owner, and start the tunnel.
#[utoipa::path(post, path = "/tunnels", tag = "tunnels", request_body = TunnelNew, responses(
    (status = 201, body = Tunnel), (status = 422, body = super::ErrorBody), (status = 502, body = super::ErrorBody)
))]
pub(super) async fn add(
    State(engine): State<Arc<Engine>>,
    extract::Json(new): extract::Json<TunnelNew>,
) -> Result<(StatusCode, Json<Tunnel>), ApiError> {
    let tunnel = engine.add_tunnel(new.relay, new.code, new.device).await?;
    Ok((StatusCode::CREATED, Json(tunnel)))
}

/// One tunnel.
#[utoipa::path(get, path = "/tunnels/{id}", tag = "tunnels", params(("id" = String, Path)), responses(
    (status = 200, body = Tunnel), (status = 404, body = super::ErrorBody)
))]
pub(super) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Tunnel>, ApiError> {
    shown(&engine, numbered(&engine, &id)?).await
}

/// Start or stop a tunnel. It stays so over restarts.
#[utoipa::path(patch, path = "/tunnels/{id}", tag = "tunnels", params(("id" = String, Path)), request_body = TunnelChange, responses(
    (status = 200, body = Tunnel), (status = 404, body = super::ErrorBody)
))]
pub(super) async fn change(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Json(change): extract::Json<TunnelChange>,
) -> Result<Json<Tunnel>, ApiError> {
    let number = numbered(&engine, &id)?;
    engine.want_tunnel(number, change.on).await?;
    shown(&engine, number).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RemoveQuery {
    /// Whether it ends though its addresses stay open at the relay.
    #[serde(default)]
    force: bool,
}

/// End a tunnel for good. Its addresses at the relay are given up first.
#[utoipa::path(delete, path = "/tunnels/{id}", tag = "tunnels", params(("id" = String, Path), RemoveQuery), responses(
    (status = 204), (status = 404, body = super::ErrorBody), (status = 502, body = super::ErrorBody)
))]
pub(super) async fn remove(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<RemoveQuery>,
) -> Result<StatusCode, ApiError> {
    engine.remove_tunnel(numbered(&engine, &id)?, query.force).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Expose an inbox through a tunnel, or change how it is exposed.
#[utoipa::path(put, path = "/tunnels/{id}/inboxes/{name}", tag = "tunnels",
    params(("id" = String, Path), ("name" = String, Path)), request_body = ExposureSettings, responses(
    (status = 200, body = Tunnel), (status = 404, body = super::ErrorBody), (status = 422, body = super::ErrorBody), (status = 502, body = super::ErrorBody)
))]
pub(super) async fn expose(
    State(engine): State<Arc<Engine>>,
    extract::Path((id, name)): extract::Path<(String, String)>,
    extract::Json(settings): extract::Json<ExposureSettings>,
) -> Result<Json<Tunnel>, ApiError> {
    let number = numbered(&engine, &id)?;
    let address = engine.addresses.get(&name).ok_or_else(|| ApiError::no_inbox(&name))?;
    settings.check().map_err(ApiError::invalid)?;
    let was = engine.tunnels.exposures_of(address.number).into_iter().find(|row| row.tunnel == number);
    let settings = was.map_or(settings.clone(), |was| was.settings.changed_to(settings));
    engine.expose(number, &address, settings).await?;
    shown(&engine, number).await
}

/// End an inbox's exposure: its public address is gone, and with it what waits at the relay.
#[utoipa::path(delete, path = "/tunnels/{id}/inboxes/{name}", tag = "tunnels",
    params(("id" = String, Path), ("name" = String, Path)), responses(
    (status = 200, body = Tunnel), (status = 404, body = super::ErrorBody), (status = 502, body = super::ErrorBody)
))]
pub(super) async fn conceal(
    State(engine): State<Arc<Engine>>,
    extract::Path((id, name)): extract::Path<(String, String)>,
) -> Result<Json<Tunnel>, ApiError> {
    let number = numbered(&engine, &id)?;
    let address = engine.addresses.get(&name).ok_or_else(|| ApiError::no_inbox(&name))?;
    if !engine.conceal(number, address.number).await? {
        return Err(ApiError::not_found("exposure", format!("{name} is not exposed through this tunnel.")));
    }
    shown(&engine, number).await
}

/// Say what is to be done about an inbox's requests that arrived while this machine was away.
#[utoipa::path(post, path = "/inboxes/{name}/away", tag = "tunnels", params(("name" = String, Path)), request_body = AwayDecision, responses(
    (status = 200, body = Decided), (status = 404, body = super::ErrorBody)
))]
pub(super) async fn decide(
    State(engine): State<Arc<Engine>>,
    extract::Path(name): extract::Path<String>,
    extract::Json(decision): extract::Json<AwayDecision>,
) -> Result<Json<Decided>, ApiError> {
    let address = engine.addresses.get(&name).ok_or_else(|| ApiError::no_inbox(&name))?;
    Ok(Json(engine.decide_away(&address, decision.what, decision.resign).await?))
}
