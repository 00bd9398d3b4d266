-- What do we know about a customer's payments, now? Write it for one instant, as_of(); featsql asks it at every instant.
{{ config(kind='features', entity='customer') }}
select
    customer_id,
    count(*) filter (where paid_at > as_of() - interval 7 days) as payments_7d,
    count(*) filter (where paid_at > as_of() - interval 30 days) as payments_30d,
    sum(amount) filter (where paid_at > as_of() - interval 30 days) as spend_30d,
    arg_max(amount, paid_at) as last_amount,
    date_diff('day', max(paid_at), as_of()) as days_since_payment
from {{ source('shop', 'payments') }}
group by customer_id
