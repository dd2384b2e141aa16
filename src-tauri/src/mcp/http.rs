//! The MCP server over streamable HTTP, on the local HTTP API.

use std::sync::{Arc, OnceLock};

use axum::{Router, body::Body, extract::Request, middleware};
use hookbench_engine::Engine;
use http_body_util::Limited;
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};

use super::{Mcp, Permissions};
use crate::transport::Transport;

/// Maximum size of a message of an agent, in bytes: a payload of 1 MB with each byte escaped.
const MESSAGE_MAX: usize = 8 * 1024 * 1024;

/// Returns the route `/mcp`. No call depends on an earlier one, so agents continue after a restart of this program. The caller
/// checks the token and the headers Host and Origin.
pub fn route(engine: &Arc<Engine>, permissions: Permissions) -> Router {
    // Most runs serve no agent, so the schemas of the tools are built for the first call.
    let (engine, server) = (engine.clone(), OnceLock::new());
    let make = move || {
        let new = || Mcp::new(Transport::in_process(engine.clone()), engine.dir().path(), permissions.clone());
        Ok(server.get_or_init(new).clone())
    };
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts();
    let sessions = Arc::new(NeverSessionManager::default());
    let service = StreamableHttpService::new(make, sessions, config);
    Router::new().route_service("/mcp", service).layer(middleware::map_request(async |request: Request| {
        let (head, body) = request.into_parts();
        Request::from_parts(head, Body::new(Limited::new(body, MESSAGE_MAX)))
    }))
}
