//! Routes for the settings.

use std::sync::Arc;

use axum::{Json, extract::State};
use hookbench_engine::Engine;
use hookbench_model::{ErrorCode, Settings, merge};

use super::{error::ApiError, extract, json_fault::in_words};

/// Retrieve the settings
///
/// Returns all settings.
#[utoipa::path(get, path = "/settings", tag = "settings", responses((status = 200, body = Settings)))]
pub(crate) async fn read(State(engine): State<Arc<Engine>>) -> Json<Settings> {
    Json(engine.settings())
}

/// Update the settings
///
/// Changes settings. Settings that are absent are not changed. A new address or limit restarts the listener.
#[utoipa::path(patch, path = "/settings", tag = "settings", request_body = Object, responses(
    (status = 200, body = Settings), (status = 409, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn change(
    State(engine): State<Arc<Engine>>,
    extract::Json(patch): extract::Json<serde_json::Value>,
) -> Result<Json<Settings>, ApiError> {
    let mut value = serde_json::to_value(engine.settings()).map_err(|e| ApiError::internal(e.to_string()))?;
    merge(&mut value, patch).map_err(|why| ApiError::invalid(format!("The settings are invalid: {why}.")))?;
    let settings: Settings =
        serde_path_to_error::deserialize(value).map_err(|e| ApiError::invalid(in_words(&e.to_string())))?;
    if let Some(fault) = settings.fault() {
        return Err(ApiError::invalid(fault));
    }
    if let Some(why) = engine.cannot_move(settings.listen).await {
        return Err(ApiError::new(
            ErrorCode::PortTaken,
            why,
            "Choose another address. Nothing was changed, and the listener still uses the previous address.",
        ));
    }
    engine.apply_settings(settings.clone()).await?;
    Ok(Json(settings))
}
