-- How the airline is doing today.
{{ config(kind='features', entity='carrier') }}
select
    carrier,
    {{ over_windows('settled_at', {'6h': '6 hours', '24h': '24 hours'}, {
        'carrier_delay': 'avg(dep_delay)',
        'carrier_left_late': 'avg(left_late::integer)',
        'carrier_cancelled': 'count_if(cancelled)',
    }) }}
from {{ ref('stg_departures') }}
where settled_at > as_of() - interval '24 hours'
group by carrier
