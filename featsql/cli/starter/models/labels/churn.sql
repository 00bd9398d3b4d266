-- On the first of each month, of every customer known by then: will they pay nothing in the next 30 days?
-- Labels are the only models that may look past the instant at which they are asked.
{{ config(kind='labels', entity='customer', as_of='asked_at', horizon='30 days', label='churned') }}
with payments as (select * from {{ source('shop', 'payments') }}),

customers as (select customer_id, min(loaded_at) as known_since from payments group by customer_id),

months as (
    select unnest(generate_series(timestamp '2024-02-01', timestamp '2024-06-01', interval 1 month)) as asked_at
)

select
    c.customer_id,
    m.asked_at,
    not exists (
        select 1
        from payments as p
        where p.customer_id = c.customer_id and p.paid_at > m.asked_at and p.paid_at <= m.asked_at + interval 30 days
    ) as churned
from customers as c
join months as m on c.known_since <= m.asked_at
