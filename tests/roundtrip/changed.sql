pivot t on a using sum(b);
select * from (pivot t on a using sum(b));
select !true;
select a <=> b from t;
select today();
select list_sort(l, 'desc') from t;
