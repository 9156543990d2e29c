-- What `connector/compute/features.py` computes, as somebody would write it by hand for these four metrics and DuckDB.
WITH known_items AS (
    SELECT * FROM subscription_item_versions
    WHERE known_at <= $as_of AND (known_to IS NULL OR known_to > $as_of)
    QUALIFY row_number() OVER (PARTITION BY item_id, valid_from ORDER BY known_at DESC) = 1
), items AS (
    SELECT * FROM known_items
    WHERE valid_from <= $as_of AND (valid_to IS NULL OR valid_to > $as_of)
        AND status IN ('trialing', 'active', 'past_due', 'unpaid', 'paused')
    QUALIFY row_number() OVER (PARTITION BY item_id ORDER BY valid_from DESC) = 1
), held AS (
    SELECT account_id, max(list_position(['starter', 'pro', 'enterprise'], offer_id)) AS plan,
        sum(quantity) FILTER (offer_id IN ('starter', 'pro', 'enterprise')) AS seats,
        sum(quantity * 100) FILTER (offer_id = 'signature') AS envelopes
    FROM items GROUP BY account_id
), known_usage AS (
    SELECT * FROM usage
    WHERE known_at <= $as_of AND (known_to IS NULL OR known_to > $as_of) AND day < CAST($as_of AS DATE)
        AND metric IN ('active_seats', 'storage_gb', 'documents', 'envelopes')
), ends AS (
    SELECT source, max(day) AS source_end FROM known_usage GROUP BY source
), days AS (
    SELECT u.account_id, u.metric, u.day, u.value, e.source_end, CAST(e.source_end - u.day AS DOUBLE) AS x,
        CASE u.metric WHEN 'active_seats' THEN h.seats WHEN 'envelopes' THEN h.envelopes
            WHEN 'storage_gb' THEN [10.0, 100.0, 1000.0][h.plan] WHEN 'documents' THEN [500.0, 5000.0, NULL][h.plan]
        END AS ceiling
    FROM known_usage AS u JOIN ends AS e USING (source) LEFT JOIN held AS h USING (account_id)
), reduced AS (
    SELECT account_id, metric, metric IN ('active_seats', 'storage_gb') AS gauge,
        max(source_end) AS data_to, max(ceiling) AS "limit", max(source_end) - min(day) FILTER (value > 0) + 1 AS age,
        coalesce(sum(value) FILTER (x < 28), 0) AS sum_28, nullif(count(*) FILTER (x < 28), 0) AS rows_28,
        coalesce(sum(value) FILTER (x >= 28 AND x < 56), 0) AS sum_before,
        nullif(count(*) FILTER (x >= 28 AND x < 56), 0) AS rows_before,
        coalesce(sum(value) FILTER (x >= 364 AND x < 392), 0) AS sum_year,
        nullif(count(*) FILTER (x >= 364 AND x < 392), 0) AS rows_year,
        count(*) FILTER (x >= 364 AND x < 392 AND value > 0) AS used_year,
        coalesce(max(value) FILTER (x < 28), 0) AS peak_28,
        coalesce(max(value) FILTER (x >= 28 AND x < 56), 0) AS peak_before,
        coalesce(max(value) FILTER (x >= 364 AND x < 392), 0) AS peak_year,
        count(DISTINCT day) FILTER (x < 28 AND value > 0) AS active_days,
        count(DISTINCT day) FILTER (x >= 28 AND x < 56 AND value > 0) AS active_days_previous,
        coalesce(bit_or(1::BIGINT << CAST(floor(least(x, 420) / 7) AS INTEGER)) FILTER (x < 364 AND value > 0), 0) AS weeks,
        count(*) FILTER (x < 28 AND value >= ceiling * 0.9) AS days_near,
        count(*) FILTER (x < 28 AND value > ceiling) AS days_over,
        count(*) FILTER (x < 90) AS rows_90, coalesce(sum(value) FILTER (x < 90), 0) AS total_90,
        coalesce(sum(value * value) FILTER (x < 90), 0) AS squares_90,
        coalesce(sum(x * value) FILTER (x < 90), 0) AS products_90,
        coalesce(avg(x) FILTER (x < 90), 0) AS x_90, coalesce(var_pop(x) FILTER (x < 90), 0) AS spread_90,
        min(day) FILTER (value > 0) AS first_day, max(day) FILTER (value > 0) AS last_day,
        arg_max(value, day) AS last_value, sum(value) AS total
    FROM days GROUP BY account_id, metric
), levels AS (
    SELECT *, CAST(CASE WHEN gauge THEN rows_90 ELSE greatest(least(age, 90), rows_90) END AS DOUBLE) AS n,
        coalesce(CASE WHEN gauge THEN sum_28 / rows_28 ELSE sum_28 END, 0) AS level_28,
        coalesce(CASE WHEN gauge THEN sum_before / rows_before ELSE sum_before END, 0) AS level_previous,
        CASE WHEN gauge THEN sum_year / rows_year ELSE sum_year END AS level_year,
        CASE WHEN gauge THEN peak_28 ELSE sum_28 * 30.44 / 28 END AS pace,
        CASE WHEN gauge THEN peak_before ELSE sum_before * 30.44 / 28 END AS pace_previous,
        CASE WHEN gauge THEN peak_year ELSE sum_year * 30.44 / 28 END AS pace_year
    FROM reduced WHERE first_day IS NOT NULL
), trends AS (
    SELECT *, coalesce(total_90 / nullif(n, 0), 0) AS mean_90,
        sqrt(greatest(coalesce(squares_90 / nullif(n, 0) - (total_90 / nullif(n, 0)) ^ 2, 0), 0)) AS std_90,
        (CASE WHEN gauge THEN x_90 ELSE (n - 1) / 2 END * total_90 - products_90)
            / nullif(n * CASE WHEN gauge THEN spread_90 ELSE (n * n - 1) / 12 END, 0) AS slope_90
    FROM levels
), rises AS (
    SELECT *, CASE WHEN age >= 392 AND (pace - pace_year) / 364 < lately THEN (pace - pace_year) / 364 ELSE lately END
        AS rise,
        CASE WHEN gauge THEN std_90 * sqrt(1 / rows_28 + 1 / rows_before) ELSE std_90 * sqrt(56) END AS noise
    FROM (SELECT *, slope_90 * CASE WHEN gauge THEN 1 ELSE 30.44 END AS lately FROM trends)
)
SELECT account_id, metric, data_to, level_28, level_previous,
    CASE WHEN age >= 56 THEN level_28 / nullif(level_previous, 0) - 1 END AS growth,
    CASE WHEN age >= 392 THEN level_28 / nullif(level_year, 0) - 1 END AS growth_year,
    CASE WHEN age >= 56 THEN (level_28 - level_previous) / nullif(noise, 0) END AS surge,
    mean_90, std_90, slope_90, peak_28, last_value, active_days, active_days_previous, first_day, last_day, total,
    (SELECT max(m) FROM unnest($milestones) AS t (m) WHERE NOT gauge AND total >= m AND total - sum_28 < m) AS milestone,
    "limit", pace / nullif("limit", 0) AS utilisation, pace_previous / nullif("limit", 0) AS utilisation_previous,
    CASE WHEN gauge THEN days_near ELSE 0 END AS days_near_limit,
    CASE WHEN gauge THEN days_over ELSE 0 END AS days_over_limit, pace,
    CASE WHEN pace >= "limit" THEN 0 WHEN rise > 0 THEN ("limit" - pace) / nullif(rise, 0) END AS days_to_limit,
    bit_count(weeks & 4095) AS active_weeks, data_to - last_day AS days_idle,
    CASE WHEN age >= 392 THEN least(used_year, 28) END AS active_days_year_ago,
    (SELECT min(w) FROM range(53) AS t (w) WHERE w = 52 OR weeks & (1::BIGINT << w) = 0) AS streak_weeks
FROM rises ORDER BY account_id, metric
