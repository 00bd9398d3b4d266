-- A features model that reads features models: each is what it is at the same instant.
{{ config(kind='features', entity='aircraft') }}
select
    rotation.*,
    date_diff('minute', as_of(), rotation.ready_at) as minutes_to_ready,
    -- a big plane takes longer to empty and to fill
    date_diff('minute', as_of(), rotation.ready_at) + coalesce(plane.seats, 100) / 10 as minutes_to_boarded,
    rotation.legs_3d * plane.plane_age as wear
from {{ ref('aircraft_rotation') }} as rotation
left join {{ ref('plane_facts') }} as plane using (tailnum)
