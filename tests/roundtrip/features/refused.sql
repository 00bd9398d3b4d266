FS608 | select cust, count(*) as n from {pay} tablesample 50% group by cust
FS608 | select cust, grouping(cust) as g, count(*) as n from {pay} group by cust
FS608 | select cust, count(*) as n from {pay} group by rollup (cust)
FS608 | select cust, count(*) as n from {pay} group by grouping sets ((cust))
FS608 | select cust, count(*) as n from {pay} group by cube (cust)
FS608 | select cust, count(*) as n from {pay} positional join (select 1 as one) group by cust
FS701 | select cust, count(*) as n from (from {pay} limit 50%) group by cust
FS701 | select cust, count(*) filter (where (kind, id) in (select kind, id from {pay})) as v from {pay} group by cust
FS604 | select cust, count(*) filter (where random() < 2) as v from {pay} group by cust
FS310 | select cust, max([amount, 1.0] <=> [1.0, 2.0]) as v from {pay} group by cust
FS713 | select cust, unnest(arg_max(p, p.id)) from {pay} as p group by cust
FS606 | select cust, count(*) as n from {pay} where paid_at > as_of() group by cust
