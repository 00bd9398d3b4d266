-- What the registry says of a plane. It has no clock: it holds at any instant.
{{ config(kind='features', entity='aircraft') }}
select
    tailnum,
    seats,
    engines,
    year(as_of()) - year as plane_age
from {{ source('nyc', 'planes') }}
