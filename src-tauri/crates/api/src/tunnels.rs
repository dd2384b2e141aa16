//! Routes for tunnels.

use std::sync::Arc;

use axum::{Json, extract::State};
use hookbench_engine::{Engine, tunnel::TunnelError};
use hookbench_model::{BacklogAction, BacklogDecision, ErrorCode, ExposureSettings, Tunnel, TunnelList, TunnelNew};
use hookbench_relay::client::CallError;
use hookbench_ssh::DialError;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{error::ApiError, extract};

/// Changes to a tunnel.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TunnelChange {
    /// True to start the tunnel, false to stop it.
    on: bool,
    /// Fingerprint of the new SSH host key to trust.
    #[serde(default)]
    host_key: Option<String>,
}

/// Action on the requests that arrived while this computer was offline.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BacklogDecisionNew {
    /// Action to take.
    action: BacklogAction,
    /// True to re-sign forwarded requests if the inbox has a secret, because their signatures can be expired. Default:
    /// false.
    #[serde(default)]
    re_sign: bool,
}

fn no_tunnel() -> ApiError {
    ApiError::not_found(ErrorCode::TunnelNotFound, "There is no tunnel with this ID.")
}

impl From<TunnelError> for ApiError {
    fn from(error: TunnelError) -> Self {
        match error {
            TunnelError::Wrong(message) => Self::invalid(message),
            TunnelError::Ssh(error) => {
                let message = error.to_string();
                match error {
                    DialError::Lost(_) => {
                        Self::new(ErrorCode::HostUnreached, message, "Check the address and the network.")
                    }
                    DialError::OtherKey { .. } => Self::new(
                        ErrorCode::OtherHostKey,
                        message,
                        "Compare the key with the operator of the host. To trust the key, pass its fingerprint as `host_key`.",
                    ),
                    DialError::NotLetIn { .. } => Self::new(
                        ErrorCode::NotLetIn,
                        message,
                        "Add your public key to `authorized_keys` on the host. Password logins are not supported.",
                    ),
                    DialError::NotForwarded { .. } => Self::new(
                        ErrorCode::NotForwarded,
                        message,
                        "Use another port. `AllowTcpForwarding` and `PermitListen` on the host limit the ports.",
                    ),
                }
            }
            TunnelError::Write(error) => error.into(),
            TunnelError::Read(error) => error.into(),
            TunnelError::StaysOpen(message) => Self::new(
                ErrorCode::StaysOpen,
                message,
                "Try again when the relay can be reached, or delete the tunnel with `force=true`.",
            ),
            TunnelError::Relay(error) => {
                let (code, hint) = match &error {
                    CallError::Unreached(_) => {
                        (ErrorCode::RelayUnreached, "Check the address and the network. Nothing was changed.")
                    }
                    CallError::Odd(_) => {
                        (ErrorCode::NoRelay, "Use the address of a server that runs `hookbench relay serve`.")
                    }
                    CallError::Refused(refused) if refused.code == "wrong_code" => {
                        (ErrorCode::WrongCode, "Get a new code from the relay operator: `hookbench relay device add`.")
                    }
                    CallError::Refused(_) => {
                        (ErrorCode::RelayRefused, "Correct the request, or contact the relay operator.")
                    }
                };
                let message = match &error {
                    CallError::Refused(refused) => refused.message.clone(),
                    CallError::Unreached(why) => format!("The relay cannot be reached: {}.", why.trim_end_matches('.')),
                    CallError::Odd(why) => format!("The server is not a Hookbench relay: {why}."),
                };
                Self::new(code, message, hint)
            }
        }
    }
}

/// Runs work to completion, even if the client disconnects. Partial work would leave a tunnel that is not listed or not
/// running.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, TunnelError>> + Send + 'static,
) -> Result<T, TunnelError> {
    let broken = |_| Err(TunnelError::Wrong("The operation stopped unexpectedly. See the log.".into()));
    tokio::spawn(work).await.unwrap_or_else(broken)
}

fn numbered(engine: &Engine, id: &str) -> Result<i64, ApiError> {
    engine.tunnels.with_id(id).ok_or_else(no_tunnel)
}

async fn shown(engine: &Engine, number: i64) -> Result<Json<Tunnel>, ApiError> {
    hookbench_engine::tunnel::status::tunnel(engine, number).await?.map(Json).ok_or_else(no_tunnel)
}

/// List tunnels
///
/// Returns all tunnels with the state of their connections.
#[utoipa::path(get, path = "/tunnels", tag = "tunnels", responses((status = 200, body = TunnelList)))]
pub(crate) async fn list(State(engine): State<Arc<Engine>>) -> Result<Json<TunnelList>, ApiError> {
    let seq = engine.feed().last();
    Ok(Json(TunnelList { items: hookbench_engine::tunnel::status::tunnels(&engine).await?, seq }))
}

/// Create a tunnel
///
/// Creates and starts a tunnel: enrolls this computer at a relay with a code from its operator, requests a port of an
/// SSH host, or adds a tunnel of another program. A tunnel to the same destination is replaced.
#[utoipa::path(post, path = "/tunnels", tag = "tunnels", request_body = TunnelNew, responses(
    (status = 201, body = Tunnel), (status = 409, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error), (status = 502, body = hookbench_model::Error)
))]
pub(crate) async fn add(
    State(engine): State<Arc<Engine>>,
    headers: HeaderMap,
    extract::Json(new): extract::Json<TunnelNew>,
) -> Result<(StatusCode, Json<Tunnel>), ApiError> {
    if headers.contains_key(header::ORIGIN) && matches!(&new, TunnelNew::Ssh { key_file: Some(_), .. }) {
        return Err(ApiError::new(
            ErrorCode::FileFromPage,
            "A web page must not specify files on this computer.",
            "Add the key to the SSH agent, or use the command line: `hookbench tunnel start ssh://… --key FILE`.",
        ));
    }
    let tunnel = to_its_end(async move { hookbench_engine::tunnel::changes::add_tunnel(&engine, new).await }).await?;
    Ok((StatusCode::CREATED, Json(tunnel)))
}

/// Retrieve a tunnel
///
/// Returns a tunnel with its exposed inboxes and the state of its connection.
#[utoipa::path(get, path = "/tunnels/{id}", tag = "tunnels", params(("id" = String, Path)), responses(
    (status = 200, body = Tunnel), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Tunnel>, ApiError> {
    shown(&engine, numbered(&engine, &id)?).await
}

/// Update a tunnel
///
/// Starts or stops a tunnel, or trusts another key of its SSH host. Restarts of Hookbench keep the state of the tunnel.
#[utoipa::path(patch, path = "/tunnels/{id}", tag = "tunnels", params(("id" = String, Path)), request_body = TunnelChange, responses(
    (status = 200, body = Tunnel), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn change(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Json(change): extract::Json<TunnelChange>,
) -> Result<Json<Tunnel>, ApiError> {
    let number = numbered(&engine, &id)?;
    let changing = engine.clone();
    to_its_end(async move {
        hookbench_engine::tunnel::changes::want_tunnel(&changing, number, change.on, change.host_key).await
    })
    .await?;
    shown(&engine, number).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RemoveQuery {
    /// True to delete the tunnel even if the relay cannot be reached. The public URLs then stay open at the relay.
    /// Default: false.
    #[serde(default)]
    force: bool,
}

/// Delete a tunnel
///
/// Unexposes all inboxes of the tunnel, then deletes the tunnel.
#[utoipa::path(delete, path = "/tunnels/{id}", tag = "tunnels", params(("id" = String, Path), RemoveQuery), responses(
    (status = 204), (status = 404, body = hookbench_model::Error), (status = 502, body = hookbench_model::Error)
))]
pub(crate) async fn remove(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<RemoveQuery>,
) -> Result<StatusCode, ApiError> {
    let number = numbered(&engine, &id)?;
    to_its_end(async move { hookbench_engine::tunnel::changes::remove_tunnel(&engine, number, query.force).await })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Expose an inbox
///
/// Exposes an inbox through a tunnel, or changes the settings of an exposed inbox.
#[utoipa::path(put, path = "/tunnels/{id}/inboxes/{name}", tag = "tunnels",
    params(("id" = String, Path), ("name" = String, Path)), request_body = ExposureSettings, responses(
    (status = 200, body = Tunnel), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error), (status = 502, body = hookbench_model::Error)
))]
pub(crate) async fn expose(
    State(engine): State<Arc<Engine>>,
    extract::Path((id, name)): extract::Path<(String, String)>,
    extract::Json(settings): extract::Json<ExposureSettings>,
) -> Result<Json<Tunnel>, ApiError> {
    let number = numbered(&engine, &id)?;
    let address = super::inboxes::find(&engine, &name)?;
    let leads = engine.tunnels.settings(number).ok_or_else(no_tunnel)?;
    hookbench_engine::tunnel::check_exposure(&settings, &leads).map_err(ApiError::invalid)?;
    let was = engine.tunnels.exposures_of(address.number).into_iter().find(|row| row.tunnel == number);
    let settings = was.map_or(settings.clone(), |was| was.settings.changed_to(settings));
    let changing = engine.clone();
    to_its_end(async move { hookbench_engine::tunnel::changes::expose(&changing, number, &address, settings).await })
        .await?;
    shown(&engine, number).await
}

/// Unexpose an inbox
///
/// Removes the public URL of an inbox. Requests that wait at the relay are deleted.
#[utoipa::path(delete, path = "/tunnels/{id}/inboxes/{name}", tag = "tunnels",
    params(("id" = String, Path), ("name" = String, Path)), responses(
    (status = 200, body = Tunnel), (status = 404, body = hookbench_model::Error), (status = 502, body = hookbench_model::Error)
))]
pub(crate) async fn unexpose(
    State(engine): State<Arc<Engine>>,
    extract::Path((id, name)): extract::Path<(String, String)>,
) -> Result<Json<Tunnel>, ApiError> {
    let number = numbered(&engine, &id)?;
    let address = super::inboxes::find(&engine, &name)?;
    let changing = engine.clone();
    if !to_its_end(async move { hookbench_engine::tunnel::exposure::unexpose(&changing, number, address.number).await })
        .await?
    {
        return Err(ApiError::not_found(ErrorCode::NotExposed, format!("{name} is not exposed through this tunnel.")));
    }
    shown(&engine, number).await
}

/// Process the backlog of an inbox
///
/// Forwards or keeps the requests that arrived while this computer was offline.
#[utoipa::path(post, path = "/inboxes/{name}/backlog", tag = "tunnels", params(("name" = String, Path)), request_body = BacklogDecisionNew, responses(
    (status = 200, body = BacklogDecision), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn decide(
    State(engine): State<Arc<Engine>>,
    extract::Path(name): extract::Path<String>,
    extract::Json(decision): extract::Json<BacklogDecisionNew>,
) -> Result<Json<BacklogDecision>, ApiError> {
    let address = super::inboxes::find(&engine, &name)?;
    Ok(Json(
        hookbench_engine::tunnel::backlog::decide_backlog(&engine, &address, decision.action, decision.re_sign).await?,
    ))
}
