//! The tables of captured requests.

/// Tables of captured requests, for the first migration of a database.
///
/// `request`: one row per request. The body is the last column, so that listing requests reads no body pages. The only
/// index orders by (inbox, id), because every index entry ends with the row id.
/// `chunk`: bodies that are too large for the row. The id is `body << 20 | part`.
/// `inbox_total`: number of requests and bytes per inbox, updated in the same transactions as `request`.
/// `store`: one row with the UUID tail of the database.
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

/// Addition to [`SCHEMA`] for a later migration: the tunnel that a request came through.
pub const SCHEMA_VIA: &str = "
ALTER TABLE request ADD COLUMN via INTEGER NOT NULL DEFAULT 0;
CREATE INDEX request_via ON request (id) WHERE via <> 0;
";

/// Addition to [`SCHEMA`] for a later migration: the current names of two columns.
pub const SCHEMA_NAMES: &str = "
ALTER TABLE request RENAME COLUMN answer TO response;
ALTER TABLE request RENAME COLUMN peer TO remote_address;
";

/// Identifies a Hookbench database (`PRAGMA application_id`): "HOOK" in ASCII.
pub const APPLICATION_ID: i32 = 0x484f_4f4b;

/// Bits of the id of a chunk that count the chunks of a body.
pub(super) const CHUNK_PART_BITS: u32 = 20;
