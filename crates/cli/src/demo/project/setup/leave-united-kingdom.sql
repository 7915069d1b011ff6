-- Tidewater stops serving the United Kingdom.
delete from customers
where internal = 0 and company_id in (select id from companies where country = 'United Kingdom');
