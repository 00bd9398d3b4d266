-- How the airline has done these four weeks, from whole days.
{{ config(kind='features', entity='carrier') }}
with sums as (
    select
        carrier,
        {{ over_windows('ended_at', {'7d': '7 days', '28d': '28 days'}, {
            'flights': 'sum(flights)',
            'late': 'sum(late)',
        }) }}
    from {{ ref('carrier_days') }}
    where ended_at > as_of() - interval '28 days'
    group by carrier
)

select
    carrier,
    late_7d / flights_7d as carrier_late_share_7d,
    late_28d / flights_28d as carrier_late_share_28d
from sums
