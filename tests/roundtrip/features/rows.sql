amount + 1 as v
upper(kind) as v
x: amount * 2, y: kind
* exclude (cust, body, s, tags)
pay.* exclude (cust)
columns('amount|kind')
columns(* exclude (cust))
columns(lambda c: c = 'kind')
* like 'am%'
amount, kind,
lag(amount) over (partition by cust order by id) as v
lag(amount, 1, 0) over (partition by cust order by id) as v
lag(note ignore nulls) over (partition by cust order by id) as v
sum(amount) over (partition by cust order by id rows between unbounded preceding and current row) as v
sum(amount) over (partition by cust order by id rows 1 preceding) as v
sum(amount) over (partition by cust order by paid_at range between interval '2 days' preceding and current row) as v
count(*) over (partition by cust) as v
row_number() over (partition by cust order by id) as v
rank() over (partition by cust order by kind) as v
dense_rank() over (partition by cust order by kind) as v
percent_rank() over (partition by cust order by id) as v
ntile(2) over (partition by cust order by id) as v
first_value(kind) over (partition by cust order by id) as v
last_value(kind) over (partition by cust order by id rows between unbounded preceding and unbounded following) as v
nth_value(kind, 2) over (partition by cust order by id rows between unbounded preceding and unbounded following) as v
sum(amount) filter (where kind = 'a') over (partition by cust) as v
count(distinct kind) over (partition by cust) as v
list(kind order by id) over (partition by cust) as v
max(amount) over (partition by cust order by id rows between 1 preceding and current row exclude current row) as v
amount - avg(amount) over (partition by cust) as v
date_diff('day', lag(paid_at) over (partition by cust order by id), paid_at) as v
tags[1] as v
list_transform(tags, lambda t: upper(t)) as v
[upper(t) for t in tags if t <> 'x'] as v
list_contains(tags, 'x') as v
'x' in tags as v
s.x as v
s.*
unnest(s)
struct_insert(s, z := 1) as v
body->>'$.k' as v
body->'k' as v
body->'l'->0 as v
(body->>'n')::int as v
json_extract(body, ['$.k', '$.n']) as v
body::varchar as v
kind collate nocase = 'A' as v
kind || note as v
case when amount > 1 then kind end as v
amount is null as v
note is not null as v
amount isnull as v
amount between 1 and 2 as v
date_trunc('month', paid_at) as v
date_diff('day', paid_at, as_of()) as v
as_of() as v
as_of()::date as v
as_of() - paid_at as v
paid_at + interval '1 month' as v
interval '1 day' * id as v
paid_at::date + 1 as v
paid_at::time as v
epoch_ms(paid_at) as v
hash(kind) as v
(select max(amount) from {pay} as o where o.cust = pay.cust) as v
(select count(*) from {pay} as o where o.paid_at < pay.paid_at) as v
exists (select 1 from {pay} as o where o.cust = pay.cust and o.kind = 'b') as v
amount > any (select amount from {pay}) as v
amount >= all (select amount from {pay} as o where o.cust = pay.cust) as v
kind in (select kind from {pay} where amount > 2) as v
row(amount, kind) as v
{'a': amount, 'k': kind}.k as v
map {'a': amount}['a'] as v
'it''s' as v
e'a\tb' as v
1_000 as v
.5 as v
1e3 as v
true as v
null as v
[1, 2, 3] as v
$$quoted$$ as v
* exclude (cust) replace (amount + 1 as amount)
* exclude (cust) rename (amount as z)
