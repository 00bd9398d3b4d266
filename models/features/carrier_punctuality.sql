-- How the airline is doing today.
{{ config(kind='features', entity='carrier') }}
select
    carrier,
    {{ over_windows('settled_at', {'3h': '3 hours', '24h': '24 hours'}, {
        'carrier_departures': 'count(*)',
        'carrier_departure_delay': 'avg(dep_delay)',
        'carrier_left_late': 'avg(left_late::integer)',
        'carrier_cancelled': 'avg(cancelled::integer)',
    }) }}
from {{ ref('stg_departures') }}
where settled_at > as_of() - interval '24 hours'
group by carrier
