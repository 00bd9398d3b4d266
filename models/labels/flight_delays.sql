-- Two hours before its scheduled departure: will this flight arrive more than 15 minutes late? A flight that is
-- cancelled or diverted never arrives, and counts as late. 36 hours later every answer is known.
--
-- We take it that two hours ahead the airline knows which plane it sends. The data name the plane only afterwards: of
-- 2,512 flights they never do, and every one of those was cancelled. Their NULL would give the answer away: leave
-- them out.
{{ config(kind='labels', entity=['aircraft', 'carrier', 'route'], as_of='asked_at', horizon='36 hours', label='late') }}
select
    flight_id,
    carrier,
    tailnum,
    origin,
    dest,
    distance,
    scheduled_departure,
    scheduled_departure - interval 2 hours as asked_at,
    arrived_late as late
from {{ ref('stg_flights') }}
where tailnum is not null
