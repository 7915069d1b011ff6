-- A list of a trade fair, typed in a hurry.
insert into customers
select id + (select max(id) from customers), company_id, first_name, last_name,
       case when id % 3 = 0 then 'card lost' when id % 3 = 1 then null else 'fair' || id || '@' end,
       phone, 0, signed_up, 0
from customers where id between 300 and 317 and internal = 0;
update customers set company_id = 871 where id in (select max(id) from customers union select max(id) - 4 from customers);
