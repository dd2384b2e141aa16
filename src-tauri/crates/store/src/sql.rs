//! State numbers as constants for SQL. SQLite uses a partial index only if the query contains the number literally.

use hookbench_model::{BodyState, DeliveryOrigin, DeliveryState, ReplayState};

use crate::endpoint::Purpose;

pub(crate) const WAITING: u8 = DeliveryState::Waiting as u8;
pub(crate) const SENDING: u8 = DeliveryState::Sending as u8;
pub(crate) const DELIVERED: u8 = DeliveryState::Delivered as u8;
pub(crate) const FAILED: u8 = DeliveryState::Failed as u8;
pub(crate) const EXHAUSTED: u8 = DeliveryState::Exhausted as u8;
pub(crate) const SKIPPED: u8 = DeliveryState::Skipped as u8;
pub(crate) const FILTERED: u8 = DeliveryState::Filtered as u8;
pub(crate) const CANCELED: u8 = DeliveryState::Canceled as u8;

pub(crate) const TEST: u8 = DeliveryOrigin::Test as u8;

pub(crate) const COLLECTING: u8 = ReplayState::Collecting as u8;
pub(crate) const RUNNING: u8 = ReplayState::Running as u8;
pub(crate) const REPLAY_FAILED: u8 = ReplayState::Failed as u8;

pub(crate) const USER: u8 = Purpose::User as u8;
pub(crate) const EPHEMERAL: u8 = Purpose::Ephemeral as u8;

/// Size of the stored body of a request, in bytes. A body that was too large is not stored.
pub(crate) const STORED_BYTES: &str =
    const_format::formatcp!("iif(body_state = {}, 0, body_bytes)", BodyState::TooLarge as u8);
