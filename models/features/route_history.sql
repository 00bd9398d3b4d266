-- How flights between two airports have done this week.
{{ config(kind='features', entity='route') }}
select
    origin,
    dest,
    count(*) as route_flights_7d,
    avg(arr_delay) as route_delay_7d,
    stddev(arr_delay) as route_spread_7d,
    avg(arrived_late::integer) as route_late_share_7d
from {{ ref('stg_arrivals') }}
where landed_at > as_of() - interval '7 days'
group by origin, dest
