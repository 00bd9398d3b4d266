-- One row for each label, with the features as they were known at that instant.
{{ config(kind='training_set', publish={'path': 'target/churn_training.parquet'}) }}
select l.*, f.* exclude (customer_id), f.spend_30d / nullif(f.payments_30d, 0) as mean_amount_30d
from {{ ref('churn') }} as l
left join {{ ref('customer_spend') }} as f using (customer_id)
order by l.asked_at, l.customer_id
