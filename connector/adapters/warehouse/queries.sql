-- name: landing_tables
-- Raw rows in every version a source told, usage that waits for staging, cursors, and the mapping last staged with.
CREATE SEQUENCE IF NOT EXISTS landed;
CREATE TABLE IF NOT EXISTS raw (
    source VARCHAR NOT NULL, stream VARCHAR NOT NULL, id VARCHAR NOT NULL, parent VARCHAR, "at" VARCHAR,
    hash VARCHAR NOT NULL, payload VARCHAR NOT NULL, fetched_at TIMESTAMPTZ NOT NULL,
    initial BOOLEAN NOT NULL, staged BOOLEAN NOT NULL, seq BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS raw_usage (
    source VARCHAR NOT NULL, origin VARCHAR NOT NULL, "at" VARCHAR, account_id VARCHAR, subscription_id VARCHAR,
    day DATE NOT NULL, metric VARCHAR NOT NULL, value DOUBLE NOT NULL, known_at TIMESTAMPTZ NOT NULL,
    combine VARCHAR NOT NULL, outside VARCHAR NOT NULL, seq BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS cursors (
    source VARCHAR NOT NULL, stream VARCHAR NOT NULL, cursor VARCHAR NOT NULL, PRIMARY KEY (source, stream)
);
CREATE TABLE IF NOT EXISTS mappings (source VARCHAR PRIMARY KEY, hash VARCHAR NOT NULL);

-- name: land_raw
-- Keep a row only if it differs from the newest version of its id: landing the same page twice changes nothing.
INSERT INTO raw
SELECT $source, $stream, page.id, page.parent, page."at", page.hash, page.payload, $now, $initial, false, nextval('landed')
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

-- name: forget_usage
DELETE FROM usage WHERE source = $source AND unit_stream = 'usage' AND unit_id = $origin;

-- name: forget_waiting_usage
DELETE FROM raw_usage WHERE source = $source AND origin = $origin;

-- name: land_usage
INSERT INTO raw_usage
SELECT $source, $origin, "at", account_id, subscription_id, day, metric, value, known_at, $combine, $outside,
    (SELECT nextval('landed'))
FROM part;

-- name: pending
-- Units to stage: changed rows, parents of changed rows, and landed rows that are set aside.
SELECT DISTINCT id FROM raw WHERE source = $source AND stream = $stream AND NOT staged
UNION
SELECT DISTINCT parent FROM raw
WHERE source = $source AND list_contains($children, stream) AND NOT staged AND parent IS NOT NULL
UNION
SELECT DISTINCT unit_id FROM quarantine
WHERE source = $source AND unit_stream = $stream
    AND unit_id IN (SELECT id FROM raw WHERE source = $source AND stream = $stream)
ORDER BY 1;

-- name: mark_staged
UPDATE raw SET staged = true
WHERE source = $source AND stream = $stream AND NOT staged AND id IN (SELECT unnest($ids));

-- name: changed_reference
-- A price or product that was already known reads differently now.
SELECT count(*) FROM raw AS fresh
WHERE fresh.source = $source AND list_contains($streams, fresh.stream) AND NOT fresh.staged AND EXISTS (
    SELECT 1 FROM raw AS old
    WHERE old.source = fresh.source AND old.stream = fresh.stream AND old.id = fresh.id AND old.seq < fresh.seq
);

-- name: unstage
UPDATE raw SET staged = false WHERE source = $source AND staged;

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
LEFT JOIN (SELECT DISTINCT account_id FROM accounts) AS accounts ON waiting.account_id = accounts.account_id
LEFT JOIN subscriptions
    ON waiting.subscription_id = subscriptions.subscription_id AND subscriptions.source = $source
WHERE waiting.source = $source;

-- name: combine_usage
-- One number per account, day, metric and origin.
CREATE OR REPLACE TEMP TABLE combined AS
SELECT whose, day, metric, origin, combine, max(known_at) AS known_at, max(seq) AS seq,
    CASE combine WHEN 'sum' THEN sum(value) ELSE max(value) END AS value
FROM resolved
WHERE whose IS NOT NULL AND NOT (outside_dates AND outside = 'quarantine')
GROUP BY whose, day, metric, origin, combine;

-- name: keep_newest_origin
-- Where two origins tell the same, the newer one counts.
DELETE FROM combined USING combined AS newer
WHERE newer.whose = combined.whose AND newer.day = combined.day AND newer.metric = combined.metric
    AND newer.seq > combined.seq;

-- name: add_late_usage
-- Rows that waited for their account join what their origin already gave.
UPDATE combined SET value = CASE combine WHEN 'sum' THEN combined.value + usage.value
    ELSE greatest(combined.value, usage.value) END
FROM usage
WHERE usage.source = $source AND usage.account_id = combined.whose AND usage.day = combined.day
    AND usage.metric = combined.metric AND usage.unit_id = combined.origin;

-- name: replace_usage
DELETE FROM usage USING combined
WHERE usage.source = $source AND usage.account_id = combined.whose AND usage.day = combined.day
    AND usage.metric = combined.metric;

-- name: insert_usage
INSERT INTO usage (account_id, source, day, metric, value, known_at, unit_stream, unit_id)
SELECT whose, $source, day, metric, value, known_at, 'usage', origin FROM combined;

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
-- Only rows that nobody owns yet keep waiting.
INSERT INTO raw_usage SELECT * EXCLUDE (whose, outside_dates) FROM resolved WHERE whose IS NULL;

-- name: usage_report
SELECT count(*) FILTER (WHERE whose IS NULL) AS orphans, count(*) FILTER (WHERE whose IS NOT NULL) AS owned,
    count(*) FILTER (WHERE outside_dates) AS outside,
    count(*) FILTER (WHERE outside_dates AND outside = 'quarantine') AS set_aside,
    count(DISTINCT origin) AS origins
FROM resolved;

-- name: known_accounts
-- Accounts of any source: usage and events may come from another system than the customers.
SELECT DISTINCT account_id FROM accounts WHERE account_id IN (SELECT unnest($ids));

-- name: latest
SELECT id, payload, fetched_at, initial, "at", parent FROM raw
WHERE source = $source AND stream = $stream
QUALIFY row_number() OVER (PARTITION BY id ORDER BY seq DESC) = 1
ORDER BY id;

-- name: latest_of
SELECT id, payload, fetched_at, initial, "at", parent FROM raw
WHERE source = $source AND stream = $stream AND id IN (SELECT unnest($ids))
QUALIFY row_number() OVER (PARTITION BY id ORDER BY seq DESC) = 1
ORDER BY id;

-- name: history
SELECT id, payload, fetched_at, initial, "at", parent FROM raw
WHERE source = $source AND stream = $stream AND id IN (SELECT unnest($ids))
ORDER BY id, seq;

-- name: children
SELECT id, payload, fetched_at, initial, "at", parent FROM raw
WHERE source = $source AND stream = $stream AND parent IN (SELECT unnest($ids))
QUALIFY row_number() OVER (PARTITION BY id ORDER BY seq DESC) = 1
ORDER BY parent, id;

-- name: quarantined
SELECT unit_stream, unit_id, reason FROM quarantine WHERE source = $source;

-- name: reasons
SELECT reason, count(*) FROM quarantine GROUP BY reason ORDER BY reason;
