//! Deliveries: an event or a request on its way to a destination, with every attempt.

mod exchange;
mod filter;
mod progress;
mod retention;
mod row;

pub use exchange::{Exchange, RESPONSE_KEPT, Received};
pub use filter::{BadFilter, Conditions, conditions};
pub use progress::{
    Advance, AttemptFailure, DeliverySource, InFlightAttempt, NewDelivery, SourceRequest, advance, claim, due_again,
    end, interrupted, numbers, record, skip_waiting, waiting,
};
pub use retention::{count, expire_deliveries};
pub use row::{AttemptResponse, deliveries_of, deliveries_of_request, detail, list, number_of, one, response_of};
