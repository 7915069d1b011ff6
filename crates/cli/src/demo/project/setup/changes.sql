-- A working day at Tidewater.

-- two wrong e-mail addresses and the country of a prospect are corrected
update customers set email = replace(email, ' (at) ', '@') where id = 204;
update customers set email = email || (select domain from companies where id = company_id) where id = 941;
update companies set country = 'Austria' where id = 199;
-- 15 customers pay more than before
update customers set mrr = mrr + 1000 where id between 20 and 34;
-- 10 new customers
insert into customers
select id + 2000, company_id, last_name, first_name, 'office' || id || '@new.example', phone, 149, '2025-10-27', 0
from customers where id between 401 and 410;
-- 6 leave
delete from customers where id in (60, 61, 62, 63, 64, 65);
-- coffee gets dearer: 8 prices change
update products set price = price + 1 where sku between 'TW-011' and 'TW-018';
-- 25 new orders
insert into orders
select id + 5000, customer_id, sku, quantity, amount, '2025-10-27T09:' || (id + 10) || ':00Z'
from orders where id between 1 and 25;
