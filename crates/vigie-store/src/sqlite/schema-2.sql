DROP VIEW figures;
DROP INDEX summaries_by_entity;
DROP INDEX summaries_unsealed;
ALTER TABLE summaries RENAME TO summaries_1;

-- A bucket: an entity of a source during a local hour.
CREATE TABLE summaries (
    source TEXT NOT NULL,
    hour INTEGER NOT NULL,      -- the first instant of the hour
    entity TEXT NOT NULL,
    hour_end INTEGER NOT NULL,  -- the first instant after it
    deadline INTEGER NOT NULL,  -- what is fetched later is late
    sealed INTEGER NOT NULL,
    version INTEGER NOT NULL,   -- counts the writes
    label TEXT NOT NULL,        -- name, place and attributes of the entity
    rhythm INTEGER,             -- the expected time between two observations
    measures TEXT,              -- the summary of each measure; while none is written, it is computed from the samples
    state BLOB NOT NULL,        -- the samples of each measure
    PRIMARY KEY (source, hour, entity)
) STRICT;
CREATE INDEX summaries_by_entity ON summaries (source, entity, hour);
CREATE INDEX summaries_unsealed ON summaries (source, deadline) WHERE sealed = 0;

-- For people with an SQL prompt: one row per figure of the hours that are sealed; `vigie export` gives all.
CREATE VIEW figures AS
SELECT
    s.source,
    s.entity,
    s.label ->> 'name' AS name,
    strftime('%Y-%m-%dT%H:%M:%SZ', s.hour / 1000, 'unixepoch') AS hour,
    m.key AS measure,
    m.value ->> 'unit' AS unit,
    m.value ->> 'count' AS count,
    m.value ->> 'min' AS min,
    m.value ->> 'max' AS max,
    m.value ->> 'mean' AS mean,
    m.value ->> 'sum' AS sum,
    m.value ->> 'first' AS first,
    m.value ->> 'last' AS last,
    m.value ->> 'p50' AS p50,
    m.value ->> 'p95' AS p95,
    m.value ->> 'coverage' AS coverage
FROM summaries AS s, json_each(s.measures) AS m
WHERE s.measures IS NOT NULL;
