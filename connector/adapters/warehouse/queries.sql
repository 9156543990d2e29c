-- name: landing_tables
-- Raw rows in every version a source told, usage that waits for staging, cursors, and the mapping last staged with.
CREATE SEQUENCE IF NOT EXISTS landed;
CREATE TABLE IF NOT EXISTS raw (
    source VARCHAR NOT NULL, stream VARCHAR NOT NULL, id VARCHAR NOT NULL, parent VARCHAR, "at" VARCHAR,
    hash VARCHAR NOT NULL, payload VARCHAR NOT NULL, fetched_at TIMESTAMPTZ NOT NULL,
    initial BOOLEAN NOT NULL, staged BOOLEAN NOT NULL, seq BIGINT NOT NULL, due TIMESTAMPTZ
);
ALTER TABLE raw ADD COLUMN IF NOT EXISTS due TIMESTAMPTZ;
CREATE TABLE IF NOT EXISTS raw_usage (
    source VARCHAR NOT NULL, origin VARCHAR NOT NULL, "at" VARCHAR, account_id VARCHAR, subscription_id VARCHAR,
    day DATE NOT NULL, metric VARCHAR NOT NULL, value DOUBLE NOT NULL, known_at TIMESTAMPTZ NOT NULL,
    combine VARCHAR NOT NULL, outside VARCHAR NOT NULL, seq BIGINT NOT NULL, initial BOOLEAN, anew BOOLEAN
);
ALTER TABLE raw_usage ADD COLUMN IF NOT EXISTS initial BOOLEAN;
ALTER TABLE raw_usage ADD COLUMN IF NOT EXISTS anew BOOLEAN;
CREATE TABLE IF NOT EXISTS cursors (
    source VARCHAR NOT NULL, stream VARCHAR NOT NULL, cursor VARCHAR NOT NULL, PRIMARY KEY (source, stream)
);
CREATE TABLE IF NOT EXISTS mappings (source VARCHAR PRIMARY KEY, hash VARCHAR NOT NULL);

-- name: land_raw
-- Keep a row only if it differs from the newest version of its id: landing the same page twice changes nothing.
INSERT INTO raw
SELECT $source, $stream, page.id, page.parent, page."at", page.hash, page.payload, $now, $initial, false,
    nextval('landed'), NULL
FROM page
LEFT JOIN (
    SELECT id, arg_max(hash, seq) AS hash FROM raw
    WHERE source = $source AND stream = $stream AND id IN (SELECT id FROM page) GROUP BY id
) AS known ON known.id = page.id
WHERE known.hash IS DISTINCT FROM page.hash
ORDER BY page.position;

-- name: land_cursor
INSERT INTO cursors VALUES ($source, $stream, $cursor)
ON CONFLICT (source, stream) DO UPDATE SET cursor = excluded.cursor;

-- name: cursor
SELECT cursor FROM cursors WHERE source = $source AND stream = $stream;

-- name: forget_file
-- A file is read from its start: what was set aside from it before is told again if it still holds. Landed rows stay
-- set aside: an unchanged one does not land again, so only its quarantine says that it is still to be tried.
DELETE FROM quarantine
WHERE source = $source AND unit_stream = $stream AND starts_with("row", $prefix)
    AND (unit_id = "row" OR unit_stream = 'usage');

-- name: forget_waiting_usage
DELETE FROM raw_usage WHERE source = $source AND origin = $origin;

-- name: land_usage
INSERT INTO raw_usage
SELECT $source, $origin, "at", account_id, subscription_id, day, metric, value, known_at, $combine, $outside,
    (SELECT nextval('landed')), $initial, true
FROM part;

-- name: pulls
-- Pulls that wait for staging, oldest first, each with the last row that had been landed by then.
SELECT coalesce(due, fetched_at) AS pull, max(seq) AS upto FROM raw WHERE source = $source AND NOT staged
GROUP BY pull ORDER BY upto;

-- name: pending
-- Units to stage: rows changed by a pull, parents of such rows, and landed rows that are set aside.
SELECT DISTINCT id FROM raw
WHERE source = $source AND stream = $stream AND NOT staged AND coalesce(due, fetched_at) = $pull
UNION
SELECT DISTINCT parent FROM raw
WHERE source = $source AND list_contains($children, stream) AND NOT staged AND coalesce(due, fetched_at) = $pull
    AND parent IS NOT NULL
UNION
SELECT DISTINCT unit_id FROM quarantine
WHERE source = $source AND unit_stream = $stream
    AND unit_id IN (SELECT id FROM raw WHERE source = $source AND stream = $stream)
ORDER BY 1;

-- name: try_again
-- A unit that is read again is set aside again if it still is to be.
DELETE FROM quarantine WHERE source = $source AND unit_stream = $stream AND unit_id IN (SELECT unnest($ids));

-- name: staged_before
-- Units of a batch that an earlier staging has seen.
SELECT DISTINCT id FROM raw
WHERE source = $source AND stream = $stream AND id IN (SELECT unnest($ids)) AND (staged OR due IS NOT NULL);

-- name: mark_staged
UPDATE raw SET staged = true, due = NULL
WHERE source = $source AND stream = $stream AND NOT staged AND coalesce(due, fetched_at) = $pull
    AND id IN (SELECT unnest($ids));

-- name: changed_reference
-- A price or product that was already known reads differently since a pull.
SELECT count(*) FROM raw AS fresh
WHERE fresh.source = $source AND list_contains($streams, fresh.stream) AND NOT fresh.staged
    AND fresh.due IS NULL AND fresh.fetched_at = $pull AND EXISTS (
        SELECT 1 FROM raw AS old
        WHERE old.source = fresh.source AND old.stream = fresh.stream AND old.id = fresh.id AND old.staged
    );

-- name: stage_again
-- What was staged is read again, as part of a later pull: what was believed until then stays told.
UPDATE raw SET staged = false, due = $pull WHERE source = $source AND staged;

-- name: stage_anew
-- Everything is read again as it came, pull by pull.
UPDATE raw SET staged = false, due = NULL WHERE source = $source;

-- name: mapping
SELECT hash FROM mappings WHERE source = $source;

-- name: remember_mapping
INSERT INTO mappings VALUES ($source, $hash) ON CONFLICT (source) DO UPDATE SET hash = excluded.hash;

-- name: resolve_usage
-- Whose each waiting row is. A subscription names its account and the days it covers.
CREATE OR REPLACE TEMP TABLE resolved AS
SELECT waiting.*, coalesce(accounts.account_id, subscriptions.account_id) AS whose,
    subscriptions.subscription_id IS NOT NULL AND (
        waiting.day < CAST(subscriptions.started_at AS DATE)
        OR waiting.day > CAST(coalesce(subscriptions.ended_at, TIMESTAMPTZ '9999-01-01') AS DATE)
    ) AS outside_dates
FROM raw_usage AS waiting
LEFT JOIN (SELECT DISTINCT account_id FROM accounts WHERE known_to IS NULL) AS accounts ON waiting.account_id = accounts.account_id
LEFT JOIN subscriptions
    ON waiting.subscription_id = subscriptions.subscription_id AND subscriptions.source = $source
    AND subscriptions.known_to IS NULL
WHERE waiting.source = $source;

-- name: combine_usage
-- One number per account, day, metric and origin. What came after the first load was known when it came.
CREATE OR REPLACE TEMP TABLE combined AS
SELECT whose, day, metric, origin, combine, max(seq) AS seq, bool_or(coalesce(anew, false)) AS anew,
    max(CASE WHEN initial THEN known_at ELSE greatest(known_at, $now) END) AS known_at,
    CASE combine WHEN 'sum' THEN sum(value) ELSE max(value) END AS value
FROM resolved
WHERE whose IS NOT NULL AND NOT (outside_dates AND outside = 'quarantine')
GROUP BY whose, day, metric, origin, combine;

-- name: keep_newest_origin
-- Where two origins tell the same, the newer one counts.
DELETE FROM combined USING combined AS newer
WHERE newer.whose = combined.whose AND newer.day = combined.day AND newer.metric = combined.metric
    AND newer.seq > combined.seq;

-- name: compare_usage
-- Each number beside the one that is believed, if any.
CREATE OR REPLACE TEMP TABLE compared AS
SELECT combined.*, usage.rowid AS place, usage.value AS believed, usage.known_at AS believed_at,
    usage.unit_id AS believed_origin
FROM combined LEFT JOIN usage
    ON usage.source = $source AND usage.account_id = combined.whose AND usage.day = combined.day
    AND usage.metric = combined.metric AND usage.known_to IS NULL;

-- name: add_late_usage
-- Rows that waited for their account join what their origin already gave.
UPDATE compared SET value = CASE combine WHEN 'sum' THEN value + believed ELSE greatest(value, believed) END
WHERE NOT anew AND believed_origin = origin;

-- name: withdraw_usage
-- What an origin gave before and does not tell any more is over.
CREATE OR REPLACE TEMP TABLE withdrawn AS
SELECT usage.rowid AS place, usage.known_at AS believed_at, $now AS known_at
FROM usage JOIN (SELECT DISTINCT origin FROM resolved WHERE anew) AS told ON usage.unit_id = told.origin
WHERE usage.source = $source AND usage.known_to IS NULL AND usage.rowid NOT IN (
    SELECT place FROM compared WHERE place IS NOT NULL
)
UNION ALL
SELECT place, believed_at, known_at FROM compared WHERE believed <> value;

-- name: close_usage
-- Kept for whoever asks what was known before.
UPDATE usage SET known_to = withdrawn.known_at FROM withdrawn
WHERE usage.rowid = withdrawn.place AND withdrawn.believed_at < withdrawn.known_at;

-- name: drop_usage
-- Never known by itself: what took its place was known as early.
DELETE FROM usage WHERE rowid IN (SELECT place FROM withdrawn WHERE believed_at >= known_at);

-- name: rename_usage
-- The same number, told by another origin now.
UPDATE usage SET unit_id = compared.origin FROM compared
WHERE usage.rowid = compared.place AND compared.believed = compared.value AND compared.believed_origin <> compared.origin;

-- name: insert_usage
INSERT INTO usage (account_id, source, day, metric, value, known_at, unit_stream, unit_id)
SELECT whose, $source, day, metric, value, known_at, 'usage', origin FROM compared
WHERE believed IS NULL OR believed <> value;

-- name: empty_origin
-- An origin that tells nothing any more.
UPDATE usage SET known_to = greatest($now, known_at)
WHERE source = $source AND unit_stream = 'usage' AND unit_id = $origin AND known_to IS NULL;

-- name: forget_orphan_usage
DELETE FROM quarantine WHERE source = $source AND unit_stream = 'usage' AND reason = $reason;

-- name: quarantine_orphan_usage
INSERT INTO quarantine (stream, source, "row", reason, detail, payload, seen_at, unit_stream, unit_id)
SELECT 'usage', $source, coalesce("at", origin), $reason, $detail,
    to_json({account_id: account_id, subscription_id: subscription_id, day: day, metric: metric, value: value}),
    $now, 'usage', origin
FROM resolved WHERE whose IS NULL;

-- name: quarantine_outside_usage
INSERT INTO quarantine (stream, source, "row", reason, detail, payload, seen_at, unit_stream, unit_id)
SELECT 'usage', $source, coalesce("at", origin), $reason, $detail,
    to_json({account_id: account_id, subscription_id: subscription_id, day: day, metric: metric, value: value}),
    $now, 'usage', origin
FROM resolved WHERE whose IS NOT NULL AND outside_dates AND outside = 'quarantine';

-- name: forget_staged_usage
DELETE FROM raw_usage WHERE source = $source;

-- name: keep_waiting_usage
-- Only rows that nobody owns yet keep waiting; whoever comes to own them does so later than the first load.
INSERT INTO raw_usage
SELECT * EXCLUDE (whose, outside_dates) REPLACE (false AS initial, false AS anew) FROM resolved WHERE whose IS NULL;

-- name: usage_report
SELECT count(*) FILTER (WHERE whose IS NULL) AS orphans, count(*) FILTER (WHERE whose IS NOT NULL) AS owned,
    count(*) FILTER (WHERE outside_dates) AS outside,
    count(*) FILTER (WHERE outside_dates AND outside = 'quarantine') AS set_aside,
    count(DISTINCT origin) AS origins
FROM resolved;

-- name: known_accounts
-- Accounts of any source: usage and events may come from another system than the customers.
SELECT DISTINCT account_id FROM accounts WHERE account_id IN (SELECT unnest($ids)) AND known_to IS NULL;

-- name: latest
SELECT id, payload, fetched_at, initial, "at", parent FROM raw
WHERE source = $source AND stream = $stream AND seq <= $upto
QUALIFY row_number() OVER (PARTITION BY id ORDER BY seq DESC) = 1
ORDER BY id;

-- name: latest_of
SELECT id, payload, fetched_at, initial, "at", parent FROM raw
WHERE source = $source AND stream = $stream AND seq <= $upto AND id IN (SELECT unnest($ids))
QUALIFY row_number() OVER (PARTITION BY id ORDER BY seq DESC) = 1
ORDER BY id;

-- name: history
SELECT id, payload, fetched_at, initial, "at", parent FROM raw
WHERE source = $source AND stream = $stream AND seq <= $upto AND id IN (SELECT unnest($ids))
ORDER BY id, seq;

-- name: children
SELECT id, payload, fetched_at, initial, "at", parent FROM raw
WHERE source = $source AND stream = $stream AND seq <= $upto AND parent IN (SELECT unnest($ids))
QUALIFY row_number() OVER (PARTITION BY id ORDER BY seq DESC) = 1
ORDER BY parent, id;

-- name: quarantined
SELECT unit_stream, unit_id, reason FROM quarantine WHERE source = $source;

-- name: reasons
SELECT reason, count(*) FROM quarantine GROUP BY reason ORDER BY reason;

-- name: first_read
-- When each source of customers was first read.
SELECT source, min(fetched_at) AS at FROM raw WHERE source IN (SELECT source FROM accounts) GROUP BY source;
