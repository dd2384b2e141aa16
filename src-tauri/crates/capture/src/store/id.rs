//! Request ids: a row id in the store, a UUIDv7 everywhere else.
//!
//! A row id consists of the millisecond of the commit and a counter. The newest row has the largest id, and no second
//! index is needed to find a request by its UUID. The UUID encodes the same number as described in RFC 9562 §6.2
//! (method 1, a dedicated counter), followed by a tail that is chosen at random once per database.

use std::fmt;

/// Bits of the row id that count the rows of one millisecond.
const COUNTER_BITS: u32 = 15;
const COUNTER_MASK: i64 = (1 << COUNTER_BITS) - 1;
const TAIL_BITS: u32 = 59;

/// Row id of a stored request: `unix_ms << 15 | counter`. Ids are unique and strictly increasing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub i64);

impl RowId {
    /// Returns the smallest id of a millisecond.
    pub fn at(unix_ms: i64) -> Self {
        Self(unix_ms.max(0) << COUNTER_BITS)
    }

    /// Returns the id that follows `last` at a time. The id increases even if the clock was set back.
    pub fn next(last: Self, unix_ms: i64) -> Self {
        Self::at(unix_ms).max(Self(last.0 + 1))
    }

    /// Returns the time of the id in ms since the Unix epoch.
    pub fn unix_ms(self) -> i64 {
        self.0 >> COUNTER_BITS
    }
}

/// The random tail of a database's UUIDs; 59 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdTail(u64);

impl IdTail {
    /// Creates a tail from the low 59 bits of `random`.
    pub fn new(random: u64) -> Self {
        Self(random & ((1 << TAIL_BITS) - 1))
    }

    /// Returns the tail as stored in the database.
    pub fn get(self) -> u64 {
        self.0
    }

    /// Returns the UUIDv7 of a row id as 128 bits.
    pub fn uuid(self, row: RowId) -> u128 {
        let counter = (row.0 & COUNTER_MASK) as u128;
        let (high, low) = (counter >> 3, counter & 0b111);
        ((row.unix_ms() as u128) << 80)
            | (0x7 << 76)
            | (high << 64)
            | (0b10 << 62)
            | (low << TAIL_BITS)
            | self.0 as u128
    }

    /// Returns the UUID of a row id in lower case with hyphens, as the API shows ids.
    pub fn text(self, row: RowId) -> String {
        uuid::Uuid::from_u128(self.uuid(row)).to_string()
    }

    /// Returns the row id of a UUID, or `None` if the UUID is not from this database.
    pub fn row(self, uuid: u128) -> Option<RowId> {
        let ms = (uuid >> 80) as i64;
        let counter = ((uuid >> 64) & 0xfff) << 3 | (uuid >> TAIL_BITS) & 0b111;
        let row = RowId((ms << COUNTER_BITS) | counter as i64);
        (row.0 >= 0 && self.uuid(row) == uuid).then_some(row)
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn uuid_converts_back_to_its_row(row in 0..i64::MAX, tail: u64, other: u64) {
            let tail = IdTail::new(tail);
            let uuid = tail.uuid(RowId(row));
            prop_assert_eq!(tail.row(uuid), Some(RowId(row)));
            prop_assert_eq!(uuid >> 76 & 0xf, 7);
            prop_assert_eq!(uuid >> 62 & 0b11, 0b10);
            if IdTail::new(other) != tail {
                prop_assert_eq!(IdTail::new(other).row(uuid), None);
            }
        }

        #[test]
        fn uuids_sort_like_rows(a in 0..i64::MAX, b in 0..i64::MAX, tail: u64) {
            let tail = IdTail::new(tail);
            prop_assert_eq!(a.cmp(&b), tail.uuid(RowId(a)).cmp(&tail.uuid(RowId(b))));
        }

        #[test]
        fn ids_increase_when_the_clock_is_set_back(times in proptest::collection::vec(0..1i64 << 40, 1..50)) {
            let mut last = RowId(0);
            for time in times {
                let next = RowId::next(last, time);
                prop_assert!(next > last);
                last = next;
            }
        }
    }
}
