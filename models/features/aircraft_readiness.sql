-- A features model that reads features models: each is what it is at the same instant.
{{ config(kind='features', entity='aircraft') }}
select
    r.tailnum,
    date_diff('minute', as_of(), r.ready_at) as minutes_to_ready,
    -- a big plane takes longer to empty and to fill
    date_diff('minute', as_of(), r.ready_at) + coalesce(p.seats, 100) / 10 as minutes_to_boarded,
    r.legs_3d * p.plane_age as wear
from {{ ref('aircraft_rotation') }} as r
left join {{ ref('plane_facts') }} as p using (tailnum)
