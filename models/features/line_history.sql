-- The same for one airline on that route, over two weeks: features of two entities at once.
{{ config(kind='features', entity=['carrier', 'route']) }}
select
    carrier,
    origin,
    dest,
    count(*) as line_flights_14d,
    avg(arr_delay) as line_delay_14d,
    avg(arrived_late::integer) as line_late_share_14d
from {{ ref('stg_arrivals') }}
where landed_at > as_of() - interval '14 days'
group by all
