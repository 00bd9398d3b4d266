-- How the airline is doing right now.
{{ config(kind='features', entity='carrier') }}
select
    carrier,
    {{ over_windows('settled_at', {'3h': '3 hours', '12h': '12 hours'}, {
        'carrier_delay': 'avg(dep_delay)',
        'carrier_left_late': 'avg(left_late::integer)',
        'carrier_cancelled': 'avg(cancelled::integer)',
    }) }}
from {{ ref('stg_departures') }}
where settled_at > as_of() - interval '12 hours'
group by carrier
