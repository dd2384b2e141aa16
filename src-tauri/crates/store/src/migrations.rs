//! Migrations of the database: the capture tables and the tables of the engine.

use hookbench_capture::{SCHEMA as CAPTURE, SCHEMA_NAMES as REQUEST_NAMES, SCHEMA_VIA as VIA};
use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

const ENGINE: &str = "
CREATE TABLE inbox (
  number     INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT NOT NULL UNIQUE,
  answer     INTEGER NOT NULL REFERENCES answer (number),
  read_upto  INTEGER NOT NULL DEFAULT 0,
  created_us INTEGER NOT NULL
);
CREATE TABLE answer (
  number   INTEGER PRIMARY KEY,
  status   INTEGER NOT NULL,
  headers  TEXT    NOT NULL,
  body     TEXT    NOT NULL,
  delay_ms INTEGER NOT NULL,
  cors     INTEGER NOT NULL
);
CREATE TABLE request_mark (
  request INTEGER PRIMARY KEY,
  pinned  INTEGER NOT NULL DEFAULT 0,
  read    INTEGER NOT NULL DEFAULT 0,
  note    TEXT    NOT NULL DEFAULT ''
);
CREATE TABLE removal (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  inbox    INTEGER NOT NULL,
  first    INTEGER NOT NULL,
  last     INTEGER NOT NULL,
  whole    INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  bytes    INTEGER NOT NULL,
  until_us INTEGER NOT NULL
);
CREATE TABLE settings (one INTEGER PRIMARY KEY CHECK (one = 1), value TEXT NOT NULL);
CREATE TABLE feed (one INTEGER PRIMARY KEY CHECK (one = 1), reserved INTEGER NOT NULL);
INSERT INTO feed VALUES (1, 0);
";

/// `request_verdict`: result of the verification, for requests with known data. `judge`: one row with the last request
/// that was verified.
const VERDICTS: &str = "
ALTER TABLE inbox ADD COLUMN verification TEXT NOT NULL DEFAULT '{}';
CREATE TABLE request_verdict (
  request    INTEGER PRIMARY KEY,
  state      INTEGER NOT NULL,
  reason     TEXT,
  sentence   TEXT,
  provider   TEXT,
  event_type TEXT,
  event_id   TEXT
);
CREATE TABLE judge (one INTEGER PRIMARY KEY CHECK (one = 1), upto INTEGER NOT NULL);
INSERT INTO judge VALUES (1, 0);
";

/// Source of responses. `origin` names a rule, a fallback or a vendor's handshake. `once` marks a response that
/// belongs to a single request.
const ORIGINS: &str = "
ALTER TABLE answer ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE answer ADD COLUMN once INTEGER NOT NULL DEFAULT 0;
";

/// Outbox. `delivery.state` and `origin` are numbered in `hookbench_model::DeliveryState` and `DeliveryOrigin`.
const OUTBOX: &str = "
CREATE TABLE endpoint (
  number          INTEGER PRIMARY KEY AUTOINCREMENT,
  id              TEXT    NOT NULL UNIQUE,
  settings        TEXT    NOT NULL,
  enabled         INTEGER NOT NULL,
  reason          TEXT    NOT NULL,
  since_us        INTEGER NOT NULL,
  failed_attempts INTEGER NOT NULL DEFAULT 0,
  exhausted       INTEGER NOT NULL DEFAULT 0,
  created_us      INTEGER NOT NULL,
  paused_us       INTEGER,
  passing         INTEGER NOT NULL DEFAULT 0,
  removed         INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE event (
  number     INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT    NOT NULL UNIQUE,
  provider   TEXT    NOT NULL,
  kind       TEXT    NOT NULL,
  created_us INTEGER NOT NULL,
  payload    BLOB    NOT NULL
);
CREATE TABLE delivery (
  number     INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT    NOT NULL UNIQUE,
  event      INTEGER NOT NULL,
  endpoint   INTEGER NOT NULL,
  origin     INTEGER NOT NULL,
  state      INTEGER NOT NULL,
  reason     TEXT    NOT NULL,
  url        TEXT    NOT NULL,
  attempts   INTEGER NOT NULL DEFAULT 0,
  hurried    INTEGER NOT NULL DEFAULT 0,
  due_us     INTEGER NOT NULL,
  created_us INTEGER NOT NULL,
  ended_us   INTEGER,
  status     INTEGER,
  error      TEXT,
  took_us    INTEGER
);
CREATE INDEX delivery_endpoint ON delivery (endpoint, number);
CREATE INDEX delivery_event ON delivery (event);
CREATE INDEX delivery_open ON delivery (state) WHERE state IN (0, 1);
CREATE TABLE attempt (
  delivery         INTEGER NOT NULL,
  number           INTEGER NOT NULL,
  started_us       INTEGER NOT NULL,
  request_headers  TEXT,
  status           INTEGER,
  response_headers TEXT,
  response_bytes   INTEGER NOT NULL DEFAULT 0,
  error            TEXT,
  timings          TEXT,
  peer             TEXT,
  response_body    BLOB,
  PRIMARY KEY (delivery, number)
) WITHOUT ROWID;
";

/// Totals of the outbox. A row in `attempt` is written when the attempt has ended. While it is in flight,
/// `delivery.state` is 1 and `due_us` is its start. A policy contains only the values set by a user. `base` is the
/// number of attempts made before a delivery was resent. The retry schedule starts after them.
const OUTBOX_TOTAL: &str = "
DELETE FROM event WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE event = event.number);
DELETE FROM attempt WHERE timings IS NULL AND error IS NULL;
UPDATE endpoint SET settings = json_set(settings, '$.policy', coalesce(
  (SELECT json_group_object(p.key, json(p.value -> '$.own')) FROM json_each(settings, '$.policy') p
   WHERE json_type(settings, '$.policy') = 'object' AND p.value -> '$.own' IS NOT NULL), json('{}')));
ALTER TABLE delivery ADD COLUMN base INTEGER NOT NULL DEFAULT 0;
DROP INDEX delivery_open;
CREATE INDEX delivery_open ON delivery (endpoint) WHERE ended_us IS NULL;
CREATE TABLE outbox_total (one INTEGER PRIMARY KEY CHECK (one = 1), deliveries INTEGER NOT NULL, bytes INTEGER NOT NULL);
INSERT INTO outbox_total VALUES (1, (SELECT count(*) FROM delivery),
  (SELECT coalesce(sum(length(payload)), 0) FROM event) + (SELECT coalesce(sum(length(response_body)), 0) FROM attempt));
";

/// Indexes for events by ID and type, with the collation that queries use, and saved searches.
const SEARCH: &str = "
CREATE INDEX verdict_event_id ON request_verdict (event_id COLLATE NOCASE) WHERE event_id IS NOT NULL;
CREATE INDEX verdict_event_type ON request_verdict (event_type COLLATE NOCASE) WHERE event_type IS NOT NULL;
CREATE TABLE saved_query (
  number     INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL UNIQUE COLLATE NOCASE,
  query      TEXT    NOT NULL,
  inbox      TEXT,
  notify     INTEGER NOT NULL,
  created_us INTEGER NOT NULL
);
";

/// File that a request was imported from. The partial indexes find pinned or read requests without scanning the many
/// requests that only have a source.
const SOURCES: &str = "
ALTER TABLE request_mark ADD COLUMN source TEXT NOT NULL DEFAULT '';
CREATE INDEX mark_pinned ON request_mark (request) WHERE pinned;
CREATE INDEX mark_read ON request_mark (request) WHERE read;
";

/// Inferred schemas, and the last request that was used for them.
const SHAPES: &str = "
CREATE TABLE shape (
  inbox      INTEGER NOT NULL,
  event_type TEXT    NOT NULL,
  brief      TEXT    NOT NULL,
  value      TEXT    NOT NULL,
  PRIMARY KEY (inbox, event_type)
) WITHOUT ROWID;
CREATE TABLE shape_upto (one INTEGER PRIMARY KEY CHECK (one = 1), upto INTEGER NOT NULL);
INSERT INTO shape_upto VALUES (1, 0);
";

/// Response rules, forwards and replays. `endpoint.purpose` is numbered in [`crate::endpoint::Purpose`]. A delivery
/// belongs to an event or to a request. A delivery of a request can belong to a replay.
const ONWARD: &str = "
ALTER TABLE answer ADD COLUMN fault TEXT NOT NULL DEFAULT '';
ALTER TABLE answer ADD COLUMN template INTEGER NOT NULL DEFAULT 0;
ALTER TABLE answer ADD COLUMN file TEXT NOT NULL DEFAULT '';
CREATE TABLE answer_file (id TEXT PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID;
ALTER TABLE inbox ADD COLUMN rules TEXT NOT NULL DEFAULT '[]';
ALTER TABLE inbox ADD COLUMN status_by_path INTEGER NOT NULL DEFAULT 0;
ALTER TABLE inbox ADD COLUMN forwards TEXT NOT NULL DEFAULT '[]';
ALTER TABLE inbox ADD COLUMN replayed_to TEXT NOT NULL DEFAULT '';
CREATE TABLE rule_step (
  inbox INTEGER NOT NULL,
  rule  TEXT    NOT NULL,
  key   TEXT    NOT NULL,
  step  INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  PRIMARY KEY (inbox, rule, key)
) WITHOUT ROWID;
CREATE TABLE forward_upto (one INTEGER PRIMARY KEY CHECK (one = 1), upto INTEGER NOT NULL);
INSERT INTO forward_upto VALUES (1, coalesce((SELECT max(id) FROM request), 0));
ALTER TABLE endpoint RENAME COLUMN passing TO purpose;
ALTER TABLE delivery ADD COLUMN request INTEGER;
ALTER TABLE delivery ADD COLUMN request_id TEXT;
ALTER TABLE delivery ADD COLUMN replay INTEGER;
ALTER TABLE delivery ADD COLUMN method TEXT NOT NULL DEFAULT 'POST';
ALTER TABLE delivery ADD COLUMN resigned INTEGER NOT NULL DEFAULT 0;
CREATE INDEX delivery_request ON delivery (request) WHERE request IS NOT NULL;
CREATE INDEX delivery_replay ON delivery (replay, state) WHERE replay IS NOT NULL;
CREATE TABLE replay (
  number     INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT    NOT NULL UNIQUE,
  settings   TEXT    NOT NULL,
  body       BLOB,
  endpoint   INTEGER NOT NULL,
  state      INTEGER NOT NULL,
  reason     TEXT    NOT NULL,
  total      INTEGER NOT NULL,
  fed        INTEGER NOT NULL,
  created_us INTEGER NOT NULL,
  ended_us   INTEGER
);
CREATE INDEX replay_open ON replay (number) WHERE ended_us IS NULL;
CREATE TABLE replay_item (
  replay  INTEGER NOT NULL,
  place   INTEGER NOT NULL,
  request INTEGER NOT NULL,
  PRIMARY KEY (replay, place)
) WITHOUT ROWID;
CREATE TABLE known_host (host TEXT PRIMARY KEY) WITHOUT ROWID;
";

/// Requests that were rejected before they could be stored: the newest ones with the received bytes, and totals by
/// inbox (0 if unknown) and reason, with the number of dismissed ones. Also the imported files by SHA-256, to report a
/// repeated import.
const REFUSALS: &str = "
CREATE TABLE refusal (
  number  INTEGER PRIMARY KEY,
  inbox   INTEGER NOT NULL,
  at_us   INTEGER NOT NULL,
  peer    TEXT    NOT NULL,
  status  INTEGER NOT NULL,
  reason  TEXT    NOT NULL,
  message TEXT    NOT NULL,
  bytes   BLOB    NOT NULL
);
CREATE INDEX refusal_by_inbox ON refusal (inbox);
CREATE TABLE refusal_total (
  inbox     INTEGER NOT NULL,
  reason    TEXT    NOT NULL,
  count     INTEGER NOT NULL,
  dismissed INTEGER NOT NULL,
  first_us  INTEGER NOT NULL,
  last_us   INTEGER NOT NULL,
  PRIMARY KEY (inbox, reason)
) WITHOUT ROWID;
CREATE TABLE imported_file (
  sha256   BLOB    PRIMARY KEY,
  name     TEXT    NOT NULL,
  requests INTEGER NOT NULL,
  at_us    INTEGER NOT NULL
) WITHOUT ROWID;
";

/// First result of a delivery before a manual resend, and indexes of endpoints.
const FIRST_ENDS: &str = "
ALTER TABLE delivery ADD COLUMN first_state INTEGER;
ALTER TABLE delivery ADD COLUMN first_ended_us INTEGER;
ALTER TABLE delivery ADD COLUMN first_took_us INTEGER;

-- What counts toward a vendor's caps is found without reading every endpoint.
CREATE INDEX endpoint_of ON endpoint (settings ->> '$.provider', settings ->> '$.scope')
  WHERE NOT removed AND purpose = 0;
CREATE INDEX endpoint_named ON endpoint (settings ->> '$.name') WHERE NOT removed AND purpose = 0;
";

/// Check runs and the result of each check.
const CHECKS: &str = "
CREATE TABLE check_run (
  number     INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT    NOT NULL UNIQUE,
  settings   TEXT    NOT NULL,
  state      INTEGER NOT NULL,
  reason     TEXT    NOT NULL,
  created_us INTEGER NOT NULL,
  ended_us   INTEGER
);
CREATE TABLE check_result (
  run     INTEGER NOT NULL,
  id      TEXT    NOT NULL,
  outcome TEXT    NOT NULL,
  finding TEXT    NOT NULL,
  sent    TEXT    NOT NULL,
  took_us INTEGER NOT NULL,
  PRIMARY KEY (run, id)
);
";

/// Tunnels, their exposed inboxes, and the requests that arrived through them. `tunnelled.away` is 1 if a request
/// arrived while this computer was offline and awaits a decision, and 2 after the decision. `tunnelled.request` is 0
/// if a delivery was rejected permanently.
const TUNNELS: &str = "
CREATE TABLE tunnel (
  number     INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT    NOT NULL UNIQUE,
  settings   TEXT    NOT NULL,
  secret     BLOB    NOT NULL,
  wanted     INTEGER NOT NULL,
  created_us INTEGER NOT NULL
);
CREATE TABLE exposure (
  tunnel   INTEGER NOT NULL,
  inbox    INTEGER NOT NULL,
  label    TEXT    NOT NULL,
  url      TEXT    NOT NULL,
  settings TEXT    NOT NULL,
  had      INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tunnel, inbox),
  UNIQUE (tunnel, label)
) WITHOUT ROWID;
CREATE TABLE tunnelled (
  delivery    BLOB    PRIMARY KEY,
  request     INTEGER NOT NULL,
  tunnel      INTEGER NOT NULL,
  inbox       INTEGER NOT NULL,
  seq         INTEGER NOT NULL,
  sha256      TEXT    NOT NULL,
  received_us INTEGER NOT NULL,
  away        INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX tunnelled_seq ON tunnelled (tunnel, inbox, seq);
CREATE INDEX tunnelled_request ON tunnelled (request);
CREATE INDEX tunnelled_away ON tunnelled (inbox, request) WHERE away = 1;
";

/// Sets the type of older tunnels, which all use a relay.
const TUNNEL_KINDS: &str = "UPDATE tunnel SET settings = json_set(settings, '$.is', 'relay');";

/// `pipeline_stage`: one row per stage that runs after the commit, with the last request that it has processed. No
/// alerts are raised for requests of an earlier release.
const PIPELINE: &str = "
CREATE TABLE pipeline_stage (name TEXT PRIMARY KEY, cursor INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO pipeline_stage
  SELECT 'verify', upto FROM judge UNION ALL
  SELECT 'forward', upto FROM forward_upto UNION ALL
  SELECT 'schema', upto FROM shape_upto UNION ALL
  SELECT 'alerts', coalesce(max(id), 0) FROM request;
DROP TABLE judge;
DROP TABLE forward_upto;
DROP TABLE shape_upto;
";

/// Moves the tag of every variant to `type`.
const TYPE_TAGS: &str = "
UPDATE tunnel SET settings = json_remove(json_set(settings, '$.type', settings ->> '$.is'), '$.is');
UPDATE answer SET fault = json_patch(json_object('type', fault ->> '$.kind'), json_remove(fault, '$.kind'))
  WHERE json_valid(fault);
UPDATE inbox SET rules = (
  SELECT json_group_array(json_set(rule.value, '$.answers', json((
      SELECT json_group_array(json(CASE WHEN json_type(response.value, '$.fault') = 'object'
        THEN json_remove(json_set(response.value, '$.fault.type', response.value ->> '$.fault.kind'), '$.fault.kind')
        ELSE response.value END))
      FROM json_each(rule.value, '$.answers') response))))
  FROM json_each(inbox.rules) rule);
UPDATE shape SET value = json_set(value, '$.drift', json((
  SELECT json_group_array(json_set(change.value, '$.what', json(CASE
      WHEN change.value ->> '$.what.kind' = 'missing' THEN json_object('type', 'missing')
      ELSE json_remove(json_set(change.value -> '$.what', '$.value_type', change.value ->> '$.what.type',
        '$.type', change.value ->> '$.what.kind'), '$.kind') END)))
  FROM json_each(shape.value, '$.drift') change)))
  WHERE json_valid(value);
";

/// Current names of tables, columns and members of stored JSON. Also adds signature status 4, for requests whose
/// timestamp has expired.
const NAMES: &str = "
ALTER TABLE answer RENAME TO response;
ALTER TABLE answer_file RENAME TO response_file;
ALTER TABLE removal RENAME TO deletion;
ALTER TABLE request_verdict RENAME TO request_verification;
ALTER TABLE shape RENAME TO inferred_schema;
ALTER TABLE saved_query RENAME TO saved_search;
ALTER TABLE saved_search RENAME COLUMN notify TO alert;
ALTER TABLE tunnelled RENAME COLUMN away TO backlog;
ALTER TABLE inbox RENAME COLUMN answer TO response;
ALTER TABLE inbox RENAME COLUMN read_upto TO read_cursor;
ALTER TABLE refusal RENAME COLUMN peer TO remote_address;
ALTER TABLE attempt RENAME COLUMN peer TO remote_address;
ALTER TABLE delivery RENAME COLUMN resigned TO re_signed;
ALTER TABLE delivery RENAME COLUMN took_us TO duration_us;
ALTER TABLE delivery RENAME COLUMN first_took_us TO first_duration_us;
ALTER TABLE check_result RENAME COLUMN took_us TO duration_us;
ALTER TABLE endpoint RENAME COLUMN removed TO deleted;
DROP INDEX endpoint_of;

UPDATE request_verification SET state = 4 WHERE reason = 'stale';
UPDATE request_verification SET reason = CASE reason WHEN 'stale' THEN 'expired' ELSE 'not_yet_valid' END
  WHERE reason IN ('stale', 'future');
UPDATE response SET fault = json_set(fault, '$.type', CASE fault ->> '$.type' WHEN 'half' THEN 'truncate' ELSE 'slow' END)
  WHERE json_valid(fault) AND fault ->> '$.type' IN ('half', 'drip');
UPDATE inbox SET rules = (
  SELECT json_group_array(json(json_remove(json_set(rule.value, '$.responses', json((
      SELECT json_group_array(json(CASE response.value ->> '$.fault.type'
        WHEN 'half' THEN json_set(response.value, '$.fault.type', 'truncate')
        WHEN 'drip' THEN json_set(response.value, '$.fault.type', 'slow')
        ELSE response.value END))
      FROM json_each(rule.value, '$.answers') response))), '$.answers')))
  FROM json_each(inbox.rules) rule),
 forwards = (
  SELECT json_group_array(json(json_remove(json_set(forward.value,
      '$.mode', CASE forward.value ->> '$.mode' WHEN 'answer' THEN 'proxy' ELSE 'mirror' END,
      '$.re_sign', json(coalesce(forward.value -> '$.resign', 'false')),
      '$.ephemeral', json(coalesce(forward.value -> '$.passing', 'false'))), '$.resign', '$.passing')))
  FROM json_each(inbox.forwards) forward);
UPDATE settings SET value = json_remove(json_set(value, '$.local_api', json(value -> '$.http_door')), '$.http_door')
  WHERE json_type(value, '$.http_door') IS NOT NULL;
UPDATE endpoint SET settings = json_remove(json_set(settings, '$.account', settings ->> '$.scope'), '$.scope')
  WHERE json_type(settings, '$.scope') IS NOT NULL;
UPDATE endpoint SET settings = json_remove(json_set(settings, '$.time_scale', json(settings -> '$.speed')), '$.speed')
  WHERE json_type(settings, '$.speed') IS NOT NULL;
UPDATE endpoint SET settings = json_remove(json_set(settings, '$.policy.account', json(settings -> '$.policy.scope')), '$.policy.scope')
  WHERE json_type(settings, '$.policy.scope') IS NOT NULL;
UPDATE replay SET settings = json_remove(json_set(settings, '$.re_sign', json(settings -> '$.resign')), '$.resign')
  WHERE json_type(settings, '$.resign') IS NOT NULL;
UPDATE exposure SET settings = json_set(settings, '$.on_return', 'keep') WHERE settings ->> '$.on_return' = 'hold';
UPDATE attempt SET error = json_set(error, '$.phase', 'response')
  WHERE json_valid(error) AND error ->> '$.phase' = 'answer';
UPDATE check_run SET settings = json_remove(
    json_set(settings, '$.fail_command', json(settings -> '$.break_with'), '$.restore_command', json(settings -> '$.mend_with')),
    '$.break_with', '$.mend_with')
  WHERE json_type(settings, '$.break_with') IS NOT NULL;
UPDATE check_run SET settings = json_remove(
    json_set(settings, '$.fail_command.args', json(settings -> '$.fail_command.words'),
      '$.restore_command.args', json(settings -> '$.restore_command.words')),
    '$.fail_command.words', '$.restore_command.words')
  WHERE json_type(settings, '$.fail_command.words') IS NOT NULL;
UPDATE check_run SET settings = json_remove(
    json_set(settings, '$.probe.command.args', json(settings -> '$.probe.command.words')), '$.probe.command.words')
  WHERE json_type(settings, '$.probe.command.words') IS NOT NULL;
UPDATE check_result SET
  finding = json_remove(json_set(finding, '$.message', finding ->> '$.said'), '$.said'),
  sent = (
    SELECT json_group_array(json(json_remove(
      json_set(CASE exchange.value ->> '$.error.phase'
          WHEN 'answer' THEN json_set(exchange.value, '$.error.phase', 'response') ELSE exchange.value END,
        '$.response', json(exchange.value -> '$.answer'), '$.disclosed', exchange.value ->> '$.tells'),
      '$.answer', '$.tells')))
    FROM json_each(check_result.sent) exchange)
  WHERE json_valid(finding) AND json_valid(sent);

UPDATE check_result SET id = CASE id
    WHEN 'answer-time' THEN 'response-time'
    WHEN 'answers-first' THEN 'responds-first'
    WHEN 'looked-at' THEN 'head-and-get'
    WHEN 'stale' THEN 'expired-timestamp'
    WHEN 'early' THEN 'future-timestamp'
    WHEN 'nearly-stale' THEN 'timestamp-tolerance'
    WHEN 'odd-timestamps' THEN 'invalid-timestamps'
    WHEN 'mangled' THEN 'malformed-signatures'
    WHEN 'odd-json' THEN 'raw-body'
    WHEN 'thrice' THEN 'duplicates'
    WHEN 'thrice-at-once' THEN 'concurrent-duplicates'
    WHEN 'fails-once' THEN 'retry-after-failure'
    WHEN 'captured' THEN 'replayed-later'
    WHEN 'tells-little' THEN 'no-disclosure'
    WHEN 'never-gone' THEN 'no-410'
    WHEN 'more-fields' THEN 'unknown-fields'
    WHEN 'fewer-values' THEN 'null-values'
    WHEN 'weak-and-strong' THEN 'stronger-signature'
    ELSE id END;

CREATE INDEX endpoint_of ON endpoint (settings ->> '$.provider', settings ->> '$.account')
  WHERE NOT deleted AND purpose = 0;
";

/// `request_verification.subject`: what the event is about. `test_event`: the signing secret of test events to inboxes
/// without a secret.
const SUBJECTS: &str = "
ALTER TABLE request_verification ADD COLUMN subject TEXT;
CREATE TABLE test_event (one INTEGER PRIMARY KEY CHECK (one = 1), secret TEXT NOT NULL);
INSERT INTO test_event VALUES (1, lower(hex(randomblob(24))));
";

/// `request_verification.violations`: the differences between the payload and the schema of its event, as JSON. `NULL`
/// if the payload was not validated.
const VIOLATIONS: &str = "
ALTER TABLE request_verification ADD COLUMN violations TEXT;
";

/// `scenario_run`: runs of scenarios. `event.run` is the run that sent the event, and `event.after_us` the time from the
/// start of the run.
const SCENARIO_RUNS: &str = "
CREATE TABLE scenario_run (
  number     INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT    NOT NULL UNIQUE,
  scenario   TEXT    NOT NULL,
  name       TEXT    NOT NULL,
  provider   TEXT    NOT NULL,
  seed       TEXT    NOT NULL,
  time_scale REAL    NOT NULL,
  created_us INTEGER NOT NULL
);
ALTER TABLE event ADD COLUMN run INTEGER;
ALTER TABLE event ADD COLUMN after_us INTEGER NOT NULL DEFAULT 0;
CREATE INDEX event_run ON event (run, number) WHERE run IS NOT NULL;
";

/// `project`: project files that were applied. `project_resource`: the resources that a project manages. The value of a
/// setting before the project changed it is in `before`, as JSON.
const PROJECTS: &str = "
CREATE TABLE project (name TEXT PRIMARY KEY, file TEXT NOT NULL, applied_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE project_resource (
  project TEXT    NOT NULL,
  type    TEXT    NOT NULL,
  id      TEXT    NOT NULL,
  key     TEXT    NOT NULL,
  digest  TEXT    NOT NULL,
  adopted INTEGER NOT NULL,
  before  TEXT,
  UNIQUE (type, id)
);
";

fn migrations() -> Migrations<'static> {
    Migrations::new(vec![
        M::up(CAPTURE),
        M::up(ENGINE),
        M::up(VERDICTS),
        M::up(ORIGINS),
        M::up(OUTBOX),
        M::up(OUTBOX_TOTAL),
        M::up(SEARCH),
        M::up(SOURCES),
        M::up(SHAPES),
        M::up(ONWARD),
        M::up(CHECKS),
        M::up(TUNNELS),
        M::up(VIA),
        M::up(TUNNEL_KINDS),
        M::up(REFUSALS),
        M::up(FIRST_ENDS),
        M::up(PIPELINE),
        M::up(TYPE_TAGS),
        M::up(REQUEST_NAMES),
        M::up(NAMES),
        M::up(SUBJECTS),
        M::up(SCENARIO_RUNS),
        M::up(PROJECTS),
        M::up(VIOLATIONS),
    ])
}

/// Version of the database layout that this program supports.
pub const VERSION: i32 = 24;

/// Migrates a database to this version.
///
/// # Errors
///
/// Returns the message of SQLite if a migration fails, or if the database has a newer version.
pub fn migrate(connection: &mut Connection) -> Result<(), String> {
    migrations().to_latest(connection).map_err(|e| e.to_string())
}

/// Returns the size of a database in bytes.
pub fn size(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .query_row("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", [], |row| {
            row.get::<_, i64>(0)
        })
        .map(|bytes| bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrates_to_the_supported_version() {
        let mut connection = Connection::open_in_memory().expect("a database in memory");
        migrate(&mut connection).expect("every migration is valid");
        let version: i32 = connection.query_row("PRAGMA user_version", [], |r| r.get(0)).expect("a version");
        assert_eq!(version, VERSION);
    }

    #[test]
    fn keeps_the_progress_of_every_stage() {
        let mut connection = Connection::open_in_memory().expect("a database in memory");
        migrations().to_version(&mut connection, 16).expect("the layout before");
        connection
            .execute_batch(
                "UPDATE judge SET upto = 7; UPDATE forward_upto SET upto = 6; UPDATE shape_upto SET upto = 5;",
            )
            .expect("progress");
        migrate(&mut connection).expect("every migration is valid");
        let cursors = crate::pipeline::cursors(&connection).expect("cursors");
        let cursors: Vec<(&str, i64)> = cursors.into_iter().map(|(stage, row)| (stage.as_str(), row.0)).collect();
        assert_eq!(cursors, [("verify", 7), ("forward", 6), ("schema", 5), ("alerts", 0)]);
        crate::pipeline::limit_cursors(&connection).expect("limits");
        let first = crate::pipeline::cursors(&connection).expect("cursors")[0].1;
        assert_eq!(first.0, 0, "without stored requests, the cursor must be 0");
    }

    #[test]
    fn keeps_values_set_in_a_policy() {
        let mut connection = Connection::open_in_memory().expect("a database in memory");
        migrations().to_version(&mut connection, 5).expect("the layout before");
        let whole = r#"{"url":"http://a/","policy":{"timeout_ms":{"own":5},"success":{"stated":"2xx"},"disable":{"own":{"failed_attempts":2}}}}"#;
        for (number, settings) in
            [(1, whole), (2, r#"{"url":"http://a/","policy":null}"#), (3, r#"{"url":"http://a/"}"#)]
        {
            connection
                .execute("INSERT INTO endpoint (number, id, settings, enabled, reason, since_us, created_us) VALUES (?1, ?1, ?2, 1, '', 0, 0)", rusqlite::params![number, settings])
                .expect("an endpoint");
        }
        migrate(&mut connection).expect("every migration is valid");
        let policy = |number: i64| -> String {
            connection
                .query_row("SELECT settings -> '$.policy' FROM endpoint WHERE number = ?1", [number], |r| r.get(0))
                .expect("a policy")
        };
        assert_eq!(policy(1), r#"{"timeout_ms":5,"disable":{"failed_attempts":2}}"#);
        assert_eq!((policy(2), policy(3)), ("{}".into(), "{}".into()));
    }

    #[test]
    fn moves_the_tag_of_every_variant_to_type() {
        let mut connection = Connection::open_in_memory().expect("a database in memory");
        migrations().to_version(&mut connection, 17).expect("the layout before");
        let rules = r#"[{"id":"a","name":"","enabled":true,"when":"","answers":[{"status":200,"body":"1","fault":{"kind":"drip","over_ms":60}},{"status":500,"body":"{\"a\":1.10}","fault":null}],"per":"event","at_end":"last"}]"#;
        let shape = r#"{"requests":1,"drift":[{"path":"a","what":{"kind":"new_type","type":"string","before":["integer"]},"seen":{"row":1,"us":2}},{"path":"b","what":{"kind":"missing"},"seen":{"row":1,"us":2}}]}"#;
        connection
            .execute("INSERT INTO answer (status, headers, body, delay_ms, cors, fault) VALUES (200, '[]', '', 0, 0, '{\"kind\":\"drip\",\"over_ms\":9}'), (200, '[]', '', 0, 0, '')", [])
            .expect("responses");
        connection
            .execute(
                "INSERT INTO inbox (name, answer, created_us, rules) VALUES ('a', 2, 0, ?1), ('b', 2, 0, '[]')",
                [rules],
            )
            .expect("inboxes");
        connection
            .execute("INSERT INTO shape VALUES (1, '', '{}', ?1), (1, 'x', '{}', '{\"drift\":[]}'), (2, 'y', '{}', 'no JSON')", [shape])
            .expect("schemas");
        connection
            .execute("INSERT INTO tunnel (id, settings, secret, wanted, created_us) VALUES ('t', '{\"is\":\"other\",\"url\":\"u\",\"port\":9}', '', 1, 0)", [])
            .expect("a tunnel");
        migrations().to_version(&mut connection, 18).expect("every migration is valid");
        let read = |connection: &Connection, sql: &str| -> String {
            let rows: Vec<String> = connection
                .prepare(sql)
                .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
                .expect("rows");
            rows.join(" ")
        };
        assert_eq!(read(&connection, "SELECT settings FROM tunnel"), r#"{"url":"u","port":9,"type":"other"}"#);
        assert_eq!(read(&connection, "SELECT fault FROM answer ORDER BY number"), r#"{"type":"drip","over_ms":9} "#);
        let rules = rules.replace(r#"{"kind":"drip","over_ms":60}"#, r#"{"over_ms":60,"type":"drip"}"#);
        assert_eq!(read(&connection, "SELECT rules FROM inbox ORDER BY number"), format!("{rules} []"));
        let shape = shape
            .replace(
                r#"{"kind":"new_type","type":"string","before":["integer"]}"#,
                r#"{"type":"new_type","before":["integer"],"value_type":"string"}"#,
            )
            .replace(r#"{"kind":"missing"}"#, r#"{"type":"missing"}"#);
        assert_eq!(
            read(&connection, "SELECT value FROM shape ORDER BY event_type"),
            format!(r#"{shape} {{"drift":[]}} no JSON"#)
        );
        let settings = read(&connection, "SELECT settings FROM tunnel");
        serde_json::from_str::<crate::tunnel::TunnelSettings>(&settings).expect("settings of a tunnel");
        migrate(&mut connection).expect("every migration is valid");
        let rules = read(&connection, "SELECT rules FROM inbox WHERE name = 'a'");
        let rules: Vec<hookbench_model::ResponseRule> = serde_json::from_str(&rules).expect("rules");
        assert_eq!(rules[0].responses[0].fault, Some(hookbench_model::ResponseFault::Slow { over_ms: 60 }));
        assert_eq!(rules[0].responses[1].body, r#"{"a":1.10}"#);
        assert_eq!(read(&connection, "SELECT fault FROM response ORDER BY number"), r#"{"type":"slow","over_ms":9} "#);
    }

    #[test]
    fn renames_members_of_stored_settings() {
        let mut connection = Connection::open_in_memory().expect("a database in memory");
        migrations().to_version(&mut connection, 18).expect("the layout before");
        connection
            .execute_batch(
                r#"
INSERT INTO answer (status, headers, body, delay_ms, cors) VALUES (200, '[]', '', 0, 0);
INSERT INTO inbox (name, answer, created_us, forwards) VALUES ('a', 1, 0,
  '[{"id":"1","to":"http://a/","mode":"copy","resign":true},{"id":"2","to":"http://b/","mode":"answer"},{"id":"3","to":"http://c/","passing":true}]');
INSERT OR REPLACE INTO settings VALUES (1, '{"http_door":false,"create_inboxes":true}');
INSERT INTO endpoint (number, id, settings, enabled, reason, since_us, created_us) VALUES
  (1, 'e', '{"url":"http://a/","provider":"github","scope":"s","speed":0.5,"policy":{"scope":"flow"}}', 1, '', 0, 0);
INSERT INTO request_verdict (request, state, reason, sentence, provider, event_type, event_id) VALUES
  (1, 2, 'stale', '', '', '', ''), (2, 2, 'future', '', '', '', ''), (3, 2, 'mismatch', '', '', '', '');
INSERT INTO check_run (id, settings, state, reason, created_us) VALUES ('c',
  '{"url":"http://a/","break_with":{"words":["a","b"]},"mend_with":{"words":["c"]},"probe":{"command":{"words":["d"]}}}', 0, '', 0);
INSERT INTO check_result VALUES (1, 'accepts', 'pass', '{"outcome":"pass","said":"It \"works\"."}',
  '[{"label":"l","answer":{"status":200},"error":{"phase":"answer"},"tells":"the secret"},{"label":"m","answer":null,"error":null}]', 5);
"#,
            )
            .expect("rows of the layout before");
        migrate(&mut connection).expect("every migration is valid");
        let read = |sql: &str| -> String { connection.query_row(sql, [], |row| row.get(0)).expect(sql) };
        assert_eq!(
            read("SELECT forwards FROM inbox"),
            concat!(
                r#"[{"id":"1","to":"http://a/","mode":"mirror","re_sign":true,"ephemeral":false},"#,
                r#"{"id":"2","to":"http://b/","mode":"proxy","re_sign":false,"ephemeral":false},"#,
                r#"{"id":"3","to":"http://c/","mode":"mirror","re_sign":false,"ephemeral":true}]"#
            )
        );
        assert_eq!(read("SELECT value FROM settings"), r#"{"create_inboxes":true,"local_api":false}"#);
        let settings = read("SELECT settings FROM endpoint");
        let settings: hookbench_model::EndpointSettings = serde_json::from_str(&settings).expect("settings");
        assert_eq!((settings.account.as_str(), settings.time_scale), ("s", 0.5));
        assert_eq!(
            read("SELECT group_concat(state || reason, ' ') FROM request_verification"),
            "4expired 2not_yet_valid 2mismatch"
        );
        let settings: hookbench_model::CheckSettings =
            serde_json::from_str(&read("SELECT settings FROM check_run")).expect("settings of a check run");
        let args = |command: Option<hookbench_model::CheckCommand>| command.map(|command| command.args);
        assert_eq!(args(settings.fail_command), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(args(settings.restore_command), Some(vec!["c".to_owned()]));
        assert!(
            matches!(settings.probe, Some(hookbench_model::SideEffectProbe::Command(command)) if command.args == ["d"])
        );
        assert_eq!(
            read("SELECT finding || sent FROM check_result"),
            concat!(
                r#"{"outcome":"pass","message":"It \"works\"."}"#,
                r#"[{"label":"l","error":{"phase":"response"},"response":{"status":200},"disclosed":"the secret"},"#,
                r#"{"label":"m","error":null,"response":null,"disclosed":null}]"#
            )
        );
    }
}
