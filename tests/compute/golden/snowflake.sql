WITH "t8" AS (
  SELECT
    "t5"."account_id",
    "t5"."metric",
    "t5"."day",
    "t5"."value",
    "t7"."source_end",
    CAST(DATEDIFF(DAY, "t5"."day", "t7"."source_end") AS DOUBLE) AS "x"
  FROM (
    SELECT
      CAST("t1"."account_id" AS VARCHAR) AS "account_id",
      'warehouse' AS "source",
      CAST("t1"."metric" AS VARCHAR) AS "metric",
      CAST("t1"."day" AS DATE) AS "day",
      CAST("t1"."value" AS DOUBLE) AS "value",
      DATEADD(HOUR, '48', CAST(CAST("t1"."day" AS DATE) AS TIMESTAMPTZ)) AS "known_at",
      CAST(NULL AS TIMESTAMPTZ) AS "known_to"
    FROM "usage" AS "t1"
    WHERE
      DATEADD(HOUR, '48', CAST(CAST("t1"."day" AS DATE) AS TIMESTAMPTZ)) <= TIMESTAMP_TZ_FROM_PARTS(2026, 11, 22, 18, 0, 0, 0, 'UTC')
      AND (
        (
          CAST(NULL AS TIMESTAMPTZ) IS NULL
        )
        OR (
          CAST(NULL AS TIMESTAMPTZ) > TIMESTAMP_TZ_FROM_PARTS(2026, 11, 22, 18, 0, 0, 0, 'UTC')
        )
      )
      AND CAST("t1"."day" AS DATE) < DATE_FROM_PARTS(2026, 11, 22)
      AND CAST("t1"."metric" AS VARCHAR) IN ('seats')
  ) AS "t5"
  INNER JOIN (
    SELECT
      "t4"."source",
      MAX("t4"."day") AS "source_end"
    FROM (
      SELECT
        'warehouse' AS "source",
        CAST("t1"."day" AS DATE) AS "day",
        CAST("t1"."metric" AS VARCHAR) AS "metric",
        DATEADD(HOUR, '48', CAST(CAST("t1"."day" AS DATE) AS TIMESTAMPTZ)) AS "known_at",
        CAST(NULL AS TIMESTAMPTZ) AS "known_to"
      FROM "usage" AS "t1"
      WHERE
        DATEADD(HOUR, '48', CAST(CAST("t1"."day" AS DATE) AS TIMESTAMPTZ)) <= TIMESTAMP_TZ_FROM_PARTS(2026, 11, 22, 18, 0, 0, 0, 'UTC')
        AND (
          (
            CAST(NULL AS TIMESTAMPTZ) IS NULL
          )
          OR (
            CAST(NULL AS TIMESTAMPTZ) > TIMESTAMP_TZ_FROM_PARTS(2026, 11, 22, 18, 0, 0, 0, 'UTC')
          )
        )
        AND CAST("t1"."day" AS DATE) < DATE_FROM_PARTS(2026, 11, 22)
        AND CAST("t1"."metric" AS VARCHAR) IN ('seats')
    ) AS "t4"
    GROUP BY
      1
  ) AS "t7"
    ON "t5"."source" = "t7"."source"
)
SELECT
  "t20"."account_id",
  "t20"."metric",
  "t20"."data_to",
  "t20"."level_28",
  "t20"."level_previous",
  IFF(
    "t20"."age" >= 56,
    (
      "t20"."level_28" / NULLIF("t20"."level_previous", 0.0)
    ) - 1,
    CAST(NULL AS DOUBLE)
  ) AS "growth",
  IFF(
    "t20"."age" >= 392,
    (
      "t20"."level_28" / NULLIF("t20"."level_year_ago", 0.0)
    ) - 1,
    CAST(NULL AS DOUBLE)
  ) AS "growth_year",
  IFF(
    "t20"."age" >= 56,
    (
      "t20"."level_28" - "t20"."level_previous"
    ) / NULLIF("t20"."noise", 0.0),
    CAST(NULL AS DOUBLE)
  ) AS "surge",
  "t20"."mean_90",
  "t20"."std_90",
  "t20"."slope_90",
  "t20"."peak_28",
  "t20"."last_value",
  CAST(FLOOR((
    BITAND("t20"."day_bits", 4611686018427387904)
  ) / (
    4611686018427387904
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 2305843009213693952)
  ) / (
    2305843009213693952
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 1152921504606846976)
  ) / (
    1152921504606846976
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 576460752303423488)
  ) / (
    576460752303423488
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 288230376151711744)
  ) / (
    288230376151711744
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 144115188075855872)
  ) / (
    144115188075855872
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 72057594037927936)
  ) / (
    72057594037927936
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 36028797018963968)
  ) / (
    36028797018963968
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 18014398509481984)
  ) / (
    18014398509481984
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 9007199254740992)
  ) / (
    9007199254740992
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 4503599627370496)
  ) / (
    4503599627370496
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 2251799813685248)
  ) / (
    2251799813685248
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 1125899906842624)
  ) / (
    1125899906842624
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 562949953421312)
  ) / (
    562949953421312
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 281474976710656)
  ) / (
    281474976710656
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 140737488355328)
  ) / (
    140737488355328
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 70368744177664)
  ) / (
    70368744177664
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 35184372088832)
  ) / (
    35184372088832
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 17592186044416)
  ) / (
    17592186044416
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 8796093022208)
  ) / (
    8796093022208
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 4398046511104)
  ) / (
    4398046511104
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 2199023255552)
  ) / (
    2199023255552
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 1099511627776)
  ) / (
    1099511627776
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 549755813888)
  ) / (
    549755813888
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 274877906944)
  ) / (
    274877906944
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 137438953472)
  ) / (
    137438953472
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 68719476736)
  ) / (
    68719476736
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 34359738368)
  ) / (
    34359738368
  )) AS BIGINT) AS "active_days",
  CAST(FLOOR((
    BITAND("t20"."day_bits", 17179869184)
  ) / (
    17179869184
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 8589934592)
  ) / (
    8589934592
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 4294967296)
  ) / (
    4294967296
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 2147483648)
  ) / (
    2147483648
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 1073741824)
  ) / (
    1073741824
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 536870912)
  ) / (
    536870912
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 268435456)
  ) / (
    268435456
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 134217728)
  ) / (
    134217728
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 67108864)
  ) / (
    67108864
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 33554432)
  ) / (
    33554432
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 16777216)
  ) / (
    16777216
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 8388608)
  ) / (
    8388608
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 4194304)
  ) / (
    4194304
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 2097152)
  ) / (
    2097152
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 1048576)
  ) / (
    1048576
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 524288)
  ) / (
    524288
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 262144)
  ) / (
    262144
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 131072)
  ) / (
    131072
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 65536)
  ) / (
    65536
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 32768)
  ) / (
    32768
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 16384)
  ) / (
    16384
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 8192)
  ) / (
    8192
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 4096)
  ) / (
    4096
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 2048)
  ) / (
    2048
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 1024)
  ) / (
    1024
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 512)
  ) / (
    512
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 256)
  ) / (
    256
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."day_bits", 128)
  ) / (
    128
  )) AS BIGINT) AS "active_days_previous",
  "t20"."first_day",
  "t20"."last_day",
  "t20"."total",
  CASE
    WHEN (
      "t20"."total" >= 500000000.0
    )
    AND (
      (
        "t20"."total" - "t20"."sum_28"
      ) < 500000000.0
    )
    AND NOT (
      "t20"."gauge"
    )
    THEN 500000000.0
    WHEN (
      "t20"."total" >= 100000000.0
    )
    AND (
      (
        "t20"."total" - "t20"."sum_28"
      ) < 100000000.0
    )
    AND NOT (
      "t20"."gauge"
    )
    THEN 100000000.0
    WHEN (
      "t20"."total" >= 50000000.0
    )
    AND (
      (
        "t20"."total" - "t20"."sum_28"
      ) < 50000000.0
    )
    AND NOT (
      "t20"."gauge"
    )
    THEN 50000000.0
    WHEN (
      "t20"."total" >= 10000000.0
    )
    AND (
      (
        "t20"."total" - "t20"."sum_28"
      ) < 10000000.0
    )
    AND NOT (
      "t20"."gauge"
    )
    THEN 10000000.0
    WHEN (
      "t20"."total" >= 5000000.0
    )
    AND (
      (
        "t20"."total" - "t20"."sum_28"
      ) < 5000000.0
    )
    AND NOT (
      "t20"."gauge"
    )
    THEN 5000000.0
    WHEN (
      "t20"."total" >= 1000000.0
    )
    AND (
      (
        "t20"."total" - "t20"."sum_28"
      ) < 1000000.0
    )
    AND NOT (
      "t20"."gauge"
    )
    THEN 1000000.0
    WHEN (
      "t20"."total" >= 500000.0
    )
    AND (
      (
        "t20"."total" - "t20"."sum_28"
      ) < 500000.0
    )
    AND NOT (
      "t20"."gauge"
    )
    THEN 500000.0
    WHEN (
      "t20"."total" >= 100000.0
    )
    AND (
      (
        "t20"."total" - "t20"."sum_28"
      ) < 100000.0
    )
    AND NOT (
      "t20"."gauge"
    )
    THEN 100000.0
    WHEN (
      "t20"."total" >= 50000.0
    )
    AND (
      (
        "t20"."total" - "t20"."sum_28"
      ) < 50000.0
    )
    AND NOT (
      "t20"."gauge"
    )
    THEN 50000.0
    WHEN (
      "t20"."total" >= 10000.0
    )
    AND (
      (
        "t20"."total" - "t20"."sum_28"
      ) < 10000.0
    )
    AND NOT (
      "t20"."gauge"
    )
    THEN 10000.0
    WHEN (
      "t20"."total" >= 5000.0
    )
    AND (
      (
        "t20"."total" - "t20"."sum_28"
      ) < 5000.0
    )
    AND NOT (
      "t20"."gauge"
    )
    THEN 5000.0
    WHEN (
      "t20"."total" >= 1000.0
    )
    AND (
      (
        "t20"."total" - "t20"."sum_28"
      ) < 1000.0
    )
    AND NOT (
      "t20"."gauge"
    )
    THEN 1000.0
    WHEN (
      "t20"."total" >= 500.0
    )
    AND (
      (
        "t20"."total" - "t20"."sum_28"
      ) < 500.0
    )
    AND NOT (
      "t20"."gauge"
    )
    THEN 500.0
    WHEN (
      "t20"."total" >= 100.0
    )
    AND (
      (
        "t20"."total" - "t20"."sum_28"
      ) < 100.0
    )
    AND NOT (
      "t20"."gauge"
    )
    THEN 100.0
    ELSE CAST(NULL AS DOUBLE)
  END AS "milestone",
  "t20"."limit",
  "t20"."pace" / NULLIF("t20"."limit", 0.0) AS "utilisation",
  "t20"."pace_previous" / NULLIF("t20"."limit", 0.0) AS "utilisation_previous",
  IFF("t20"."gauge", "t20"."days_near", 0) AS "days_near_limit",
  IFF("t20"."gauge", "t20"."days_over", 0) AS "days_over_limit",
  "t20"."pace",
  CASE
    WHEN "t20"."pace" >= "t20"."limit"
    THEN 0.0
    WHEN "t20"."rise" > 0
    THEN (
      "t20"."limit" - "t20"."pace"
    ) / NULLIF("t20"."rise", 0.0)
    ELSE CAST(NULL AS DOUBLE)
  END AS "days_to_limit",
  CAST(FLOOR((
    BITAND("t20"."week_bits", 4611686018427387904)
  ) / (
    4611686018427387904
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."week_bits", 2305843009213693952)
  ) / (
    2305843009213693952
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."week_bits", 1152921504606846976)
  ) / (
    1152921504606846976
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."week_bits", 576460752303423488)
  ) / (
    576460752303423488
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."week_bits", 288230376151711744)
  ) / (
    288230376151711744
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."week_bits", 144115188075855872)
  ) / (
    144115188075855872
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."week_bits", 72057594037927936)
  ) / (
    72057594037927936
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."week_bits", 36028797018963968)
  ) / (
    36028797018963968
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."week_bits", 18014398509481984)
  ) / (
    18014398509481984
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."week_bits", 9007199254740992)
  ) / (
    9007199254740992
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."week_bits", 4503599627370496)
  ) / (
    4503599627370496
  )) AS BIGINT) + CAST(FLOOR((
    BITAND("t20"."week_bits", 2251799813685248)
  ) / (
    2251799813685248
  )) AS BIGINT) AS "active_weeks",
  IFF("t20"."week_bits" >= 4611686018427387904, 1, 0) + IFF("t20"."week_bits" >= 6917529027641081856, 1, 0) + IFF("t20"."week_bits" >= 8070450532247928832, 1, 0) + IFF("t20"."week_bits" >= 8646911284551352320, 1, 0) + IFF("t20"."week_bits" >= 8935141660703064064, 1, 0) + IFF("t20"."week_bits" >= 9079256848778919936, 1, 0) + IFF("t20"."week_bits" >= 9151314442816847872, 1, 0) + IFF("t20"."week_bits" >= 9187343239835811840, 1, 0) + IFF("t20"."week_bits" >= 9205357638345293824, 1, 0) + IFF("t20"."week_bits" >= 9214364837600034816, 1, 0) + IFF("t20"."week_bits" >= 9218868437227405312, 1, 0) + IFF("t20"."week_bits" >= 9221120237041090560, 1, 0) + IFF("t20"."week_bits" >= 9222246136947933184, 1, 0) + IFF("t20"."week_bits" >= 9222809086901354496, 1, 0) + IFF("t20"."week_bits" >= 9223090561878065152, 1, 0) + IFF("t20"."week_bits" >= 9223231299366420480, 1, 0) + IFF("t20"."week_bits" >= 9223301668110598144, 1, 0) + IFF("t20"."week_bits" >= 9223336852482686976, 1, 0) + IFF("t20"."week_bits" >= 9223354444668731392, 1, 0) + IFF("t20"."week_bits" >= 9223363240761753600, 1, 0) + IFF("t20"."week_bits" >= 9223367638808264704, 1, 0) + IFF("t20"."week_bits" >= 9223369837831520256, 1, 0) + IFF("t20"."week_bits" >= 9223370937343148032, 1, 0) + IFF("t20"."week_bits" >= 9223371487098961920, 1, 0) + IFF("t20"."week_bits" >= 9223371761976868864, 1, 0) + IFF("t20"."week_bits" >= 9223371899415822336, 1, 0) + IFF("t20"."week_bits" >= 9223371968135299072, 1, 0) + IFF("t20"."week_bits" >= 9223372002495037440, 1, 0) + IFF("t20"."week_bits" >= 9223372019674906624, 1, 0) + IFF("t20"."week_bits" >= 9223372028264841216, 1, 0) + IFF("t20"."week_bits" >= 9223372032559808512, 1, 0) + IFF("t20"."week_bits" >= 9223372034707292160, 1, 0) + IFF("t20"."week_bits" >= 9223372035781033984, 1, 0) + IFF("t20"."week_bits" >= 9223372036317904896, 1, 0) + IFF("t20"."week_bits" >= 9223372036586340352, 1, 0) + IFF("t20"."week_bits" >= 9223372036720558080, 1, 0) + IFF("t20"."week_bits" >= 9223372036787666944, 1, 0) + IFF("t20"."week_bits" >= 9223372036821221376, 1, 0) + IFF("t20"."week_bits" >= 9223372036837998592, 1, 0) + IFF("t20"."week_bits" >= 9223372036846387200, 1, 0) + IFF("t20"."week_bits" >= 9223372036850581504, 1, 0) + IFF("t20"."week_bits" >= 9223372036852678656, 1, 0) + IFF("t20"."week_bits" >= 9223372036853727232, 1, 0) + IFF("t20"."week_bits" >= 9223372036854251520, 1, 0) + IFF("t20"."week_bits" >= 9223372036854513664, 1, 0) + IFF("t20"."week_bits" >= 9223372036854644736, 1, 0) + IFF("t20"."week_bits" >= 9223372036854710272, 1, 0) + IFF("t20"."week_bits" >= 9223372036854743040, 1, 0) + IFF("t20"."week_bits" >= 9223372036854759424, 1, 0) + IFF("t20"."week_bits" >= 9223372036854767616, 1, 0) + IFF("t20"."week_bits" >= 9223372036854771712, 1, 0) + IFF("t20"."week_bits" >= 9223372036854773760, 1, 0) AS "streak_weeks",
  DATEDIFF(DAY, "t20"."last_day", "t20"."data_to") AS "days_idle",
  IFF("t20"."age" >= 392, LEAST("t20"."used_year_ago", 28), CAST(NULL AS BIGINT)) AS "active_days_year_ago"
FROM (
  SELECT
    "t19"."account_id",
    "t19"."metric",
    "t19"."data_to",
    "t19"."sum_28",
    "t19"."rows_28",
    "t19"."sum_previous",
    "t19"."rows_previous",
    "t19"."day_bits",
    "t19"."week_bits",
    "t19"."peak_28",
    "t19"."peak_previous",
    "t19"."sum_year_ago",
    "t19"."rows_year_ago",
    "t19"."used_year_ago",
    "t19"."peak_year_ago",
    "t19"."rows_90",
    "t19"."value_90",
    "t19"."variance_90",
    "t19"."x_90",
    "t19"."spread_90",
    "t19"."together_90",
    "t19"."first_day",
    "t19"."last_day",
    "t19"."last_value",
    "t19"."total",
    "t19"."limit",
    "t19"."days_near",
    "t19"."days_over",
    "t19"."gauge",
    "t19"."age",
    "t19"."n",
    "t19"."level_28",
    "t19"."level_previous",
    "t19"."level_year_ago",
    "t19"."pace",
    "t19"."pace_previous",
    "t19"."pace_year_ago",
    "t19"."share",
    "t19"."mean_90",
    "t19"."x_mean",
    "t19"."x_spread",
    "t19"."std_90",
    "t19"."slope_90",
    IFF(
      (
        "t19"."age" >= 392
      )
      AND (
        (
          (
            "t19"."pace" - "t19"."pace_year_ago"
          ) / 364
        ) < (
          "t19"."slope_90" * IFF("t19"."gauge", 1.0, 30.44)
        )
      ),
      (
        "t19"."pace" - "t19"."pace_year_ago"
      ) / 364,
      "t19"."slope_90" * IFF("t19"."gauge", 1.0, 30.44)
    ) AS "rise",
    IFF(
      "t19"."gauge",
      "t19"."std_90" * SQRT(
        (
          1.0 / NULLIF("t19"."rows_28", 0)
        ) + (
          1.0 / NULLIF("t19"."rows_previous", 0)
        )
      ),
      "t19"."std_90" * SQRT(56.0)
    ) AS "noise"
  FROM (
    SELECT
      "t18"."account_id",
      "t18"."metric",
      "t18"."data_to",
      "t18"."sum_28",
      "t18"."rows_28",
      "t18"."sum_previous",
      "t18"."rows_previous",
      "t18"."day_bits",
      "t18"."week_bits",
      "t18"."peak_28",
      "t18"."peak_previous",
      "t18"."sum_year_ago",
      "t18"."rows_year_ago",
      "t18"."used_year_ago",
      "t18"."peak_year_ago",
      "t18"."rows_90",
      "t18"."value_90",
      "t18"."variance_90",
      "t18"."x_90",
      "t18"."spread_90",
      "t18"."together_90",
      "t18"."first_day",
      "t18"."last_day",
      "t18"."last_value",
      "t18"."total",
      "t18"."limit",
      "t18"."days_near",
      "t18"."days_over",
      "t18"."gauge",
      "t18"."age",
      "t18"."n",
      "t18"."level_28",
      "t18"."level_previous",
      "t18"."level_year_ago",
      "t18"."pace",
      "t18"."pace_previous",
      "t18"."pace_year_ago",
      "t18"."share",
      COALESCE("t18"."value_90" * "t18"."share", 0.0) AS "mean_90",
      IFF("t18"."gauge", "t18"."x_90", (
        "t18"."n" - 1
      ) / 2) AS "x_mean",
      IFF("t18"."gauge", "t18"."spread_90", (
        (
          "t18"."n" * "t18"."n"
        ) - 1
      ) / 12) AS "x_spread",
      COALESCE(
        SQRT(
          GREATEST(
            (
              "t18"."variance_90" + (
                "t18"."value_90" * "t18"."value_90" * (
                  1 - "t18"."share"
                )
              )
            ) * "t18"."share",
            0.0
          )
        ),
        0.0
      ) AS "std_90",
      -(
        (
          (
            "t18"."together_90" + (
              "t18"."x_90" * "t18"."value_90"
            )
          ) * "t18"."share"
        ) - (
          IFF("t18"."gauge", "t18"."x_90", (
            "t18"."n" - 1
          ) / 2) * COALESCE("t18"."value_90" * "t18"."share", 0.0)
        )
      ) / NULLIF(
        IFF("t18"."gauge", "t18"."spread_90", (
          (
            "t18"."n" * "t18"."n"
          ) - 1
        ) / 12),
        0.0
      ) AS "slope_90"
    FROM (
      SELECT
        "t17"."account_id",
        "t17"."metric",
        "t17"."data_to",
        "t17"."sum_28",
        "t17"."rows_28",
        "t17"."sum_previous",
        "t17"."rows_previous",
        "t17"."day_bits",
        "t17"."week_bits",
        "t17"."peak_28",
        "t17"."peak_previous",
        "t17"."sum_year_ago",
        "t17"."rows_year_ago",
        "t17"."used_year_ago",
        "t17"."peak_year_ago",
        "t17"."rows_90",
        "t17"."value_90",
        "t17"."variance_90",
        "t17"."x_90",
        "t17"."spread_90",
        "t17"."together_90",
        "t17"."first_day",
        "t17"."last_day",
        "t17"."last_value",
        "t17"."total",
        "t17"."limit",
        "t17"."days_near",
        "t17"."days_over",
        "t17"."metric" IN ('seats') AS "gauge",
        DATEDIFF(DAY, "t17"."first_day", "t17"."data_to") + 1 AS "age",
        CAST(IFF(
          "t17"."metric" IN ('seats'),
          "t17"."rows_90",
          GREATEST(LEAST(DATEDIFF(DAY, "t17"."first_day", "t17"."data_to") + 1, 90), "t17"."rows_90")
        ) AS DOUBLE) AS "n",
        COALESCE(
          IFF(
            "t17"."metric" IN ('seats'),
            "t17"."sum_28" / NULLIF("t17"."rows_28", 0),
            "t17"."sum_28"
          ),
          0.0
        ) AS "level_28",
        COALESCE(
          IFF(
            "t17"."metric" IN ('seats'),
            "t17"."sum_previous" / NULLIF("t17"."rows_previous", 0),
            "t17"."sum_previous"
          ),
          0.0
        ) AS "level_previous",
        IFF(
          "t17"."metric" IN ('seats'),
          "t17"."sum_year_ago" / NULLIF("t17"."rows_year_ago", 0),
          "t17"."sum_year_ago"
        ) AS "level_year_ago",
        IFF("t17"."metric" IN ('seats'), "t17"."peak_28", "t17"."sum_28" * 1.0871428571428572) AS "pace",
        IFF(
          "t17"."metric" IN ('seats'),
          "t17"."peak_previous",
          "t17"."sum_previous" * 1.0871428571428572
        ) AS "pace_previous",
        IFF(
          "t17"."metric" IN ('seats'),
          "t17"."peak_year_ago",
          "t17"."sum_year_ago" * 1.0871428571428572
        ) AS "pace_year_ago",
        "t17"."rows_90" / NULLIF(
          CAST(IFF(
            "t17"."metric" IN ('seats'),
            "t17"."rows_90",
            GREATEST(LEAST(DATEDIFF(DAY, "t17"."first_day", "t17"."data_to") + 1, 90), "t17"."rows_90")
          ) AS DOUBLE),
          0.0
        ) AS "share"
      FROM (
        SELECT
          "t14"."account_id",
          "t14"."metric",
          "t14"."data_to",
          "t14"."sum_28",
          "t14"."rows_28",
          "t14"."sum_previous",
          "t14"."rows_previous",
          "t14"."day_bits",
          "t14"."week_bits",
          "t14"."peak_28",
          "t14"."peak_previous",
          "t14"."sum_year_ago",
          "t14"."rows_year_ago",
          "t14"."used_year_ago",
          "t14"."peak_year_ago",
          "t14"."rows_90",
          "t14"."value_90",
          "t14"."variance_90",
          "t14"."x_90",
          "t14"."spread_90",
          "t14"."together_90",
          "t14"."first_day",
          "t14"."last_day",
          "t14"."last_value",
          "t14"."total",
          CASE
            WHEN "t14"."metric" = 'seats'
            THEN "t2"."held_seats"
            ELSE CAST(NULL AS DOUBLE)
          END AS "limit",
          COALESCE("t16"."days_near", 0) AS "days_near",
          COALESCE("t16"."days_over", 0) AS "days_over"
        FROM (
          SELECT
            "t9"."account_id",
            "t9"."metric",
            MAX("t9"."source_end") AS "data_to",
            COALESCE(SUM(IFF("t9"."x" < 28, "t9"."value", NULL)), 0.0) AS "sum_28",
            COUNT(IFF("t9"."x" < 28, "t9"."value", NULL)) AS "rows_28",
            COALESCE(SUM(IFF((
              "t9"."x" >= 28
            ) AND (
              "t9"."x" < 56
            ), "t9"."value", NULL)), 0.0) AS "sum_previous",
            COUNT(IFF((
              "t9"."x" >= 28
            ) AND (
              "t9"."x" < 56
            ), "t9"."value", NULL)) AS "rows_previous",
            COALESCE(
              BITORAGG(
                IFF(
                  (
                    "t9"."value" > 0
                  ) AND (
                    "t9"."x" < 56
                  ),
                  BITSHIFTRIGHT(4611686018427387904, CAST(LEAST("t9"."x", 62) AS INT)),
                  NULL
                )
              ),
              0
            ) AS "day_bits",
            COALESCE(
              BITORAGG(
                IFF(
                  (
                    "t9"."value" > 0
                  ) AND (
                    "t9"."x" < 364
                  ),
                  BITSHIFTRIGHT(4611686018427387904, CAST(LEAST(CAST(FLOOR("t9"."x" / 7) AS BIGINT), 62) AS INT)),
                  NULL
                )
              ),
              0
            ) AS "week_bits",
            COALESCE(MAX(IFF("t9"."x" < 28, "t9"."value", NULL)), 0.0) AS "peak_28",
            COALESCE(MAX(IFF((
              "t9"."x" >= 28
            ) AND (
              "t9"."x" < 56
            ), "t9"."value", NULL)), 0.0) AS "peak_previous",
            COALESCE(SUM(IFF((
              "t9"."x" >= 364
            ) AND (
              "t9"."x" < 392
            ), "t9"."value", NULL)), 0.0) AS "sum_year_ago",
            COUNT(IFF((
              "t9"."x" >= 364
            ) AND (
              "t9"."x" < 392
            ), "t9"."value", NULL)) AS "rows_year_ago",
            COUNT(
              IFF(
                (
                  "t9"."x" >= 364
                ) AND (
                  "t9"."x" < 392
                ) AND (
                  "t9"."value" > 0
                ),
                "t9"."value",
                NULL
              )
            ) AS "used_year_ago",
            COALESCE(MAX(IFF((
              "t9"."x" >= 364
            ) AND (
              "t9"."x" < 392
            ), "t9"."value", NULL)), 0.0) AS "peak_year_ago",
            COUNT(IFF("t9"."x" < 90, "t9"."value", NULL)) AS "rows_90",
            COALESCE(AVG(IFF("t9"."x" < 90, "t9"."value", NULL)), 0.0) AS "value_90",
            COALESCE(VARIANCE_POP(IFF("t9"."x" < 90, "t9"."value", NULL)), 0.0) AS "variance_90",
            COALESCE(AVG(IFF("t9"."x" < 90, "t9"."x", NULL)), 0.0) AS "x_90",
            COALESCE(VARIANCE_POP(IFF("t9"."x" < 90, "t9"."x", NULL)), 0.0) AS "spread_90",
            COALESCE(
              COVAR_POP(IFF("t9"."x" < 90, "t9"."x", NULL), IFF("t9"."x" < 90, "t9"."value", NULL)),
              0.0
            ) AS "together_90",
            MIN(IFF("t9"."value" > 0, "t9"."day", NULL)) AS "first_day",
            MAX(IFF("t9"."value" > 0, "t9"."day", NULL)) AS "last_day",
            MAX_BY("t9"."value", "t9"."day") AS "last_value",
            SUM("t9"."value") AS "total"
          FROM "t8" AS "t9"
          GROUP BY
            1,
            2
        ) AS "t14"
        LEFT OUTER JOIN "held" AS "t2"
          ON "t14"."account_id" = "t2"."account_id"
        LEFT OUTER JOIN (
          SELECT
            "t12"."account_id",
            "t12"."metric",
            COUNT(IFF("t12"."value" >= (
              "t12"."limit" * 0.9
            ), "t12"."value", NULL)) AS "days_near",
            COUNT(IFF("t12"."value" > "t12"."limit", "t12"."value", NULL)) AS "days_over"
          FROM (
            SELECT
              "t11"."account_id",
              "t11"."metric",
              "t11"."day",
              "t11"."value",
              "t11"."source_end",
              "t11"."x",
              CASE
                WHEN "t11"."metric" = 'seats'
                THEN "t2"."held_seats"
                ELSE CAST(NULL AS DOUBLE)
              END AS "limit"
            FROM (
              SELECT
                *
              FROM "t8" AS "t9"
              WHERE
                "t9"."x" < 28
            ) AS "t11"
            LEFT OUTER JOIN "held" AS "t2"
              ON "t11"."account_id" = "t2"."account_id"
          ) AS "t12"
          GROUP BY
            1,
            2
        ) AS "t16"
          ON "t14"."account_id" = "t16"."account_id" AND "t14"."metric" = "t16"."metric"
      ) AS "t17"
      WHERE
        "t17"."first_day" IS NOT NULL
    ) AS "t18"
  ) AS "t19"
) AS "t20"
ORDER BY
  "t20"."account_id" ASC,
  "t20"."metric" ASC;

WITH "t2" AS (
  SELECT
    "t1"."source",
    "t1"."metric",
    "t1"."day",
    COUNT(*) AS "rows"
  FROM (
    SELECT
      CAST("t0"."account_id" AS VARCHAR) AS "account_id",
      'warehouse' AS "source",
      CAST("t0"."day" AS DATE) AS "day",
      CAST("t0"."metric" AS VARCHAR) AS "metric",
      CAST("t0"."value" AS DOUBLE) AS "value",
      DATEADD(HOUR, '48', CAST(CAST("t0"."day" AS DATE) AS TIMESTAMPTZ)) AS "known_at",
      CAST(NULL AS TIMESTAMPTZ) AS "known_to"
    FROM "usage" AS "t0"
    WHERE
      DATEADD(HOUR, '48', CAST(CAST("t0"."day" AS DATE) AS TIMESTAMPTZ)) <= TIMESTAMP_TZ_FROM_PARTS(2026, 11, 22, 18, 0, 0, 0, 'UTC')
      AND (
        (
          CAST(NULL AS TIMESTAMPTZ) IS NULL
        )
        OR (
          CAST(NULL AS TIMESTAMPTZ) > TIMESTAMP_TZ_FROM_PARTS(2026, 11, 22, 18, 0, 0, 0, 'UTC')
        )
      )
      AND CAST("t0"."day" AS DATE) < DATE_FROM_PARTS(2026, 11, 22)
  ) AS "t1"
  GROUP BY
    1,
    2,
    3
)
SELECT
  *
FROM (
  SELECT
    "t8"."source",
    "t8"."told_to",
    "t8"."metric",
    "t8"."week",
    SUM("t8"."rows") AS "rows"
  FROM (
    SELECT
      "t7"."source",
      "t7"."metric",
      "t7"."day",
      "t7"."rows",
      "t7"."told_to",
      DATEDIFF(DAY, "t7"."day", "t7"."told_to") AS "x",
      CAST(FLOOR(CAST(DATEDIFF(DAY, "t7"."day", "t7"."told_to") AS DOUBLE) / 7) AS BIGINT) AS "week"
    FROM (
      SELECT
        "t4"."source",
        "t4"."metric",
        "t4"."day",
        "t4"."rows",
        "t6"."told_to"
      FROM "t2" AS "t4"
      INNER JOIN (
        SELECT
          "t3"."source",
          MAX("t3"."day") AS "told_to"
        FROM "t2" AS "t3"
        GROUP BY
          1
      ) AS "t6"
        ON "t4"."source" = "t6"."source"
    ) AS "t7"
    WHERE
      DATEDIFF(DAY, "t7"."day", "t7"."told_to") < 84
  ) AS "t8"
  GROUP BY
    1,
    2,
    3,
    4
) AS "t9"
ORDER BY
  "t9"."source" ASC,
  "t9"."week" ASC,
  "t9"."metric" ASC;

SELECT
  MIN("t1"."day") AS "begins",
  MAX(IFF("t1"."day" <= DATE_FROM_PARTS(2026, 11, 22), "t1"."day", NULL)) AS "usage_to"
FROM (
  SELECT
    CAST("t0"."day" AS DATE) AS "day",
    CAST(NULL AS TIMESTAMPTZ) AS "known_to"
  FROM "usage" AS "t0"
  WHERE
    CAST(NULL AS TIMESTAMPTZ) IS NULL
) AS "t1";
