//! The wire side: connections, heads, bodies, answers.

mod agree;
mod answer;
mod body;
mod head;
mod listen;
mod refused;
mod serve;
mod tap;

pub use answer::{Answer, AnswerBody, AnswerFault, Piece, Refusal};
pub use listen::{Counts, Entrance, Listening, Plain, Streams, listen};
pub use refused::Refused;
pub use serve::{Arrived, ArrivedBody, Asked, Asking, Decision, Responder, Route, Routes, Through};
