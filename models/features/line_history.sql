-- The same for one airline on that route, over a month: features of two entities at once.
{{ config(kind='features', entity=['carrier', 'route']) }}
select
    carrier,
    origin,
    dest,
    count(*) as line_flights_30d,
    avg(arr_delay) as line_delay_30d,
    avg(arrived_late::integer) as line_late_share_30d
from {{ ref('stg_arrivals') }}
where landed_at > as_of() - interval '30 days'
group by all
