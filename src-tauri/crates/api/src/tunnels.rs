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

/// What is to be changed of a tunnel.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TunnelChange {
    /// Whether it is to be up.
    on: bool,
    /// Fingerprint of the key its SSH host is to show from now on.
    #[serde(default)]
    host_key: Option<String>,
}

/// What is to be done about requests that arrived while this machine was away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BacklogDecisionNew {
    /// What becomes of them.
    what: BacklogAction,
    /// Whether they are signed anew where the inbox has a secret, as their own signatures may be too old.
    #[serde(default)]
    resign: bool,
}

fn no_tunnel() -> ApiError {
    ApiError::not_found(ErrorCode::TunnelNotFound, "There is no tunnel with this id.")
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
                        "Ask who runs the host. If the key is right, give its fingerprint as host_key.",
                    ),
                    DialError::NotLetIn { .. } => Self::new(
                        ErrorCode::NotLetIn,
                        message,
                        "Put a public key of yours into the host's authorized_keys; passwords are not asked for.",
                    ),
                    DialError::NotForwarded { .. } => Self::new(
                        ErrorCode::NotForwarded,
                        message,
                        "Ask for another port; the host's AllowTcpForwarding and PermitListen say what it allows.",
                    ),
                }
            }
            TunnelError::Write(error) => error.into(),
            TunnelError::Read(error) => error.into(),
            TunnelError::StaysOpen(message) => Self::new(
                ErrorCode::StaysOpen,
                message,
                "Try again when its relay can be reached, or remove the tunnel all the same.",
            ),
            TunnelError::Relay(error) => {
                let (code, hint) = match &error {
                    CallError::Unreached(_) => {
                        (ErrorCode::RelayUnreached, "Check the address and the network; nothing was changed.")
                    }
                    CallError::Odd(_) => {
                        (ErrorCode::NoRelay, "Check the address: it is that of a `hookbench relay serve`.")
                    }
                    CallError::Refused(refused) if refused.code == "wrong_code" => {
                        (ErrorCode::WrongCode, "Ask the relay's owner for a new code: `hookbench relay device add`.")
                    }
                    CallError::Refused(_) => (ErrorCode::RelayRefused, "Correct it, or ask the relay's owner."),
                };
                let message = match &error {
                    CallError::Refused(refused) => refused.message.clone(),
                    CallError::Unreached(why) => format!("The relay was not reached: {}.", why.trim_end_matches('.')),
                    CallError::Odd(why) => format!("This is no Hookbench relay: {why}."),
                };
                Self::new(code, message, hint)
            }
        }
    }
}

/// Does something to its end, though who asked for it may leave: half of it done is a tunnel that nobody
/// knows of, or one that nobody runs.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, TunnelError>> + Send + 'static,
) -> Result<T, TunnelError> {
    let broken = |_| Err(TunnelError::Wrong("It broke off; the log says why.".into()));
    tokio::spawn(work).await.unwrap_or_else(broken)
}

fn numbered(engine: &Engine, id: &str) -> Result<i64, ApiError> {
    engine.tunnels.with_id(id).ok_or_else(no_tunnel)
}

async fn shown(engine: &Engine, number: i64) -> Result<Json<Tunnel>, ApiError> {
    hookbench_engine::tunnel::status::tunnel(engine, number).await?.map(Json).ok_or_else(no_tunnel)
}

/// All tunnels, and how each stands.
#[utoipa::path(get, path = "/tunnels", tag = "tunnels", responses((status = 200, body = TunnelList)))]
pub(crate) async fn list(State(engine): State<Arc<Engine>>) -> Result<Json<TunnelList>, ApiError> {
    let seq = engine.feed().last();
    Ok(Json(TunnelList { items: hookbench_engine::tunnel::status::tunnels(&engine).await?, seq }))
}

/// Make a tunnel and start it: enrol this machine at a relay with a code of its owner, have an SSH host
/// listen, or take in a tunnel of another program. One that leads to the same place is made anew.
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
            "A page may not name files of this machine.",
            "Give the key to the SSH agent, or use the command line: `hookbench tunnel start ssh://… --key FILE`.",
        ));
    }
    let tunnel = to_its_end(async move { hookbench_engine::tunnel::changes::add_tunnel(&engine, new).await }).await?;
    Ok((StatusCode::CREATED, Json(tunnel)))
}

/// One tunnel.
#[utoipa::path(get, path = "/tunnels/{id}", tag = "tunnels", params(("id" = String, Path)), responses(
    (status = 200, body = Tunnel), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Tunnel>, ApiError> {
    shown(&engine, numbered(&engine, &id)?).await
}

/// Start or stop a tunnel; it stays so over restarts. Or trust another key of its SSH host.
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
    /// Whether it ends though its addresses stay open at the relay.
    #[serde(default)]
    force: bool,
}

/// End a tunnel for good. Its addresses at the relay are given up first.
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

/// Expose an inbox through a tunnel, or change how it is exposed.
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
    let address = engine.addresses.get(&name).ok_or_else(|| ApiError::no_inbox(&name))?;
    let leads = engine.tunnels.settings(number).ok_or_else(no_tunnel)?;
    hookbench_engine::tunnel::check_exposure(&settings, &leads).map_err(ApiError::invalid)?;
    let was = engine.tunnels.exposures_of(address.number).into_iter().find(|row| row.tunnel == number);
    let settings = was.map_or(settings.clone(), |was| was.settings.changed_to(settings));
    let changing = engine.clone();
    to_its_end(async move { hookbench_engine::tunnel::changes::expose(&changing, number, &address, settings).await })
        .await?;
    shown(&engine, number).await
}

/// End an inbox's exposure: its public address is gone, and with it what waits at the relay.
#[utoipa::path(delete, path = "/tunnels/{id}/inboxes/{name}", tag = "tunnels",
    params(("id" = String, Path), ("name" = String, Path)), responses(
    (status = 200, body = Tunnel), (status = 404, body = hookbench_model::Error), (status = 502, body = hookbench_model::Error)
))]
pub(crate) async fn conceal(
    State(engine): State<Arc<Engine>>,
    extract::Path((id, name)): extract::Path<(String, String)>,
) -> Result<Json<Tunnel>, ApiError> {
    let number = numbered(&engine, &id)?;
    let address = engine.addresses.get(&name).ok_or_else(|| ApiError::no_inbox(&name))?;
    let changing = engine.clone();
    if !to_its_end(async move { hookbench_engine::tunnel::exposure::conceal(&changing, number, address.number).await })
        .await?
    {
        return Err(ApiError::not_found(ErrorCode::NotExposed, format!("{name} is not exposed through this tunnel.")));
    }
    shown(&engine, number).await
}

/// Say what is to be done about an inbox's requests that arrived while this machine was away.
#[utoipa::path(post, path = "/inboxes/{name}/away", tag = "tunnels", params(("name" = String, Path)), request_body = BacklogDecisionNew, responses(
    (status = 200, body = BacklogDecision), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn decide(
    State(engine): State<Arc<Engine>>,
    extract::Path(name): extract::Path<String>,
    extract::Json(decision): extract::Json<BacklogDecisionNew>,
) -> Result<Json<BacklogDecision>, ApiError> {
    let address = engine.addresses.get(&name).ok_or_else(|| ApiError::no_inbox(&name))?;
    Ok(Json(hookbench_engine::tunnel::backlog::decide_away(&engine, &address, decision.what, decision.resign).await?))
}
