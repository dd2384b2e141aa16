//! The tables the capture path writes.

/// The tables of captured requests, for the first migration of whoever owns the database.
///
/// `request`: one row a request, body last, so that a list reads no body pages; its one index
/// orders by (inbox, id), since every index entry ends with the row's id.
/// `chunk`: bodies too large for the row; the id is `body << 20 | part`.
/// `inbox_total`: what `request` holds for each inbox, kept in the same transactions.
/// `store`: one row, the tail of this database's UUIDs.
pub const SCHEMA: &str = "
CREATE TABLE request (
  id           INTEGER PRIMARY KEY,
  inbox        INTEGER NOT NULL,
  arrived_us   INTEGER NOT NULL,
  receiving_us INTEGER NOT NULL,
  method       TEXT    NOT NULL,
  version      INTEGER NOT NULL,
  names        INTEGER NOT NULL,
  body_state   INTEGER NOT NULL,
  status       INTEGER NOT NULL,
  answer       INTEGER,
  body_bytes   INTEGER NOT NULL,
  chunks       INTEGER,
  peer         TEXT    NOT NULL,
  target       TEXT    NOT NULL,
  headers      BLOB    NOT NULL,
  trailers     BLOB,
  body         BLOB
);
CREATE INDEX request_by_inbox ON request (inbox);
CREATE TABLE chunk (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE inbox_total (
  inbox    INTEGER PRIMARY KEY,
  requests INTEGER NOT NULL,
  bytes    INTEGER NOT NULL
);
CREATE TABLE store (one INTEGER PRIMARY KEY CHECK (one = 1), id_tail INTEGER NOT NULL);
INSERT INTO store VALUES (1, random() & 0x7ffffffffffffff);
";

/// What came to [`SCHEMA`] later, for a later migration: which way from outside a request came by.
pub const SCHEMA_VIA: &str = "
ALTER TABLE request ADD COLUMN via INTEGER NOT NULL DEFAULT 0;
CREATE INDEX request_via ON request (id) WHERE via <> 0;
";

/// Marks the file as Hookbench's own (`PRAGMA application_id`): "HOOK" in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x484f_4f4b;

/// Bits of a chunk's id that number the chunk within its body.
pub(super) const CHUNK_PART_BITS: u32 = 20;
