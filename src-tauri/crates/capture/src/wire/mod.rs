//! The listener: connections, request heads, bodies and responses.

mod agree;
mod body;
mod head;
mod listen;
mod refused;
mod response;
mod serve;
mod tap;

pub use listen::{Counts, Entrance, Plain, RunningListener, Streams, listen};
pub use refused::RejectedRequest;
pub use response::{InjectedFault, Piece, PreparedResponse, Refusal, ResponseBody};
pub use serve::{
    ArrivedBody, Decision, ProxiedRequest, ReceivedRequest, RequestHead, Responder, Route, Routes, TunnelOrigin,
};
