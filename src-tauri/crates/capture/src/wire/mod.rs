//! The wire side: connections, heads, bodies, answers.

mod agree;
mod body;
mod head;
mod listen;
mod refused;
mod response;
mod serve;
mod tap;

pub use listen::{Counts, Entrance, Listening, Plain, Streams, listen};
pub use refused::Refused;
pub use response::{Answer, AnswerBody, AnswerFault, Piece, Refusal};
pub use serve::{Arrived, ArrivedBody, Asked, Asking, Decision, Responder, Route, Routes, Through};
