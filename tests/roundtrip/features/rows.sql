amount + 1
upper(kind)
x: amount * 2, y: kind
* exclude (cust, body, s, tags)
* replace (amount + 1 as amount)
* rename (amount as z)
pay.* exclude (cust)
columns('amount|kind')
columns(* exclude (cust))
columns(c -> c = 'kind')
columns(lambda c: c = 'kind')
* like 'am%'
amount, kind,
lag(amount) over (partition by cust order by id)
lag(amount, 1, 0) over (partition by cust order by id)
lag(note ignore nulls) over (partition by cust order by id)
sum(amount) over (partition by cust order by id rows between unbounded preceding and current row)
sum(amount) over (partition by cust order by id rows 1 preceding)
sum(amount) over (partition by cust order by paid_at range between interval '2 days' preceding and current row)
avg(amount) over w
count(*) over (partition by cust)
row_number() over (partition by cust order by id)
rank() over (partition by cust order by kind)
dense_rank() over (partition by cust order by kind)
percent_rank() over (partition by cust order by id)
ntile(2) over (partition by cust order by id)
first_value(kind) over (partition by cust order by id)
last_value(kind) over (partition by cust order by id rows between unbounded preceding and unbounded following)
nth_value(kind, 2) over (partition by cust order by id rows between unbounded preceding and unbounded following)
sum(amount) filter (where kind = 'a') over (partition by cust)
count(distinct kind) over (partition by cust)
list(kind order by id) over (partition by cust)
max(amount) over (partition by cust order by id rows between 1 preceding and current row exclude current row)
amount - avg(amount) over (partition by cust)
date_diff('day', lag(paid_at) over (partition by cust order by id), paid_at)
tags[1]
list_transform(tags, lambda t: upper(t))
[upper(t) for t in tags if t <> 'x']
list_contains(tags, 'x')
'x' in tags
s.x
s.*
unnest(s)
struct_insert(s, z := 1)
body->>'$.k'
body->'k'
body->'l'->0
(body->>'n')::int
json_extract(body, ['$.k', '$.n'])
body::varchar
kind collate nocase = 'A'
kind || note
case when amount > 1 then kind end
amount is null
note is not null
amount isnull
amount between 1 and 2
date_trunc('month', paid_at)
date_diff('day', paid_at, as_of())
as_of()
as_of()::date
as_of() - paid_at
paid_at + interval '1 month'
interval '1 day' * id
paid_at::date + 1
paid_at::time
epoch_ms(paid_at)
hash(kind)
random() < 2
(select max(amount) from {pay} as o where o.cust = pay.cust)
(select count(*) from {pay} as o where o.paid_at < pay.paid_at)
exists (select 1 from {pay} as o where o.cust = pay.cust and o.kind = 'b')
amount > any (select amount from {pay})
amount >= all (select amount from {pay} as o where o.cust = pay.cust)
kind in (select kind from {pay} where amount > 2)
(kind, id) in (select kind, id from {pay})
row(amount, kind)
{'a': amount, 'k': kind}.k
map {'a': amount}['a']
'it''s'
e'a\tb'
0x1F
1_000
.5
1e3
true
null
[1, 2, 3]
$$quoted$$
