-- A plane has landed: will its next flight out of New York, within twelve hours, be cancelled or leave more than 15 minutes
-- late? We ask when we learn of the landing, if the next flight is not due yet.
{{ config(kind='labels', entity=['aircraft', 'carrier'], as_of='asked_at', horizon='36 hours', label='trouble') }}
select
    flight_id,
    carrier,
    tailnum,
    dest as landed_in,
    landed_at + interval 5 minutes as asked_at,
    lead(origin) over next_flight as next_origin,
    lead(dest) over next_flight as next_dest,
    lead(scheduled_departure) over next_flight as next_departure,
    lead({{ late('dep_delay') }}) over next_flight as trouble
from {{ ref('stg_flights') }}
where tailnum is not null
window next_flight as (partition by tailnum order by scheduled_departure, flight_id)
qualify next_departure > asked_at and next_departure <= asked_at + interval 12 hours
