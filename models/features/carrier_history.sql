-- How the airline has done these four weeks, from whole days.
{{ config(kind='features', entity='carrier') }}
select
    carrier,
    sum(late) / sum(flights) as carrier_late_share_28d,
    sum(cancelled) / sum(flights) as carrier_cancelled_share_28d
from {{ ref('carrier_days') }}
where ended_at > as_of() - interval '28 days'
group by carrier
