//! Deliveries: an event or a request sent to a destination, with every attempt.

mod exchange;
mod filter;
mod progress;
mod retention;
mod row;

pub use exchange::{Exchange, RESPONSE_KEPT, Received};
pub use filter::{BadFilter, Conditions, conditions};
pub use progress::{
    Advance, AttemptFailure, DeliverySource, InFlightAttempt, NewDelivery, SourceRequest, advance, claim, due_again,
    end, interrupted, numbers, open_requests, record, set_due, set_url, skip_waiting, url, waiting, waiting_for,
};
pub use retention::{count, expire_deliveries};
pub use row::{
    AttemptResponse, PayloadSource, attempt_body, deliveries_of, deliveries_of_request, detail, endpoint_of, list,
    number_of, one, payload, response_of,
};
pub(crate) use row::{COLUMNS, FROM, from_row};
