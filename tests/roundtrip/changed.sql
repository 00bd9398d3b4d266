pivot t on a using sum(b);
select * from (pivot t on a using sum(b));
select !true;
select a <=> b from t;
select today();
select interval '1' mon;
select interval 1 y;
select current_localtimestamp();
