-- What went through the tills, and a total for each shop that the old system counts again with every change.
insert into movement
with recursive tills(till) as (select 1 union all select till + 1 from tills where till < 24000)
select shop, till % 7 - 3 from tills, (select distinct shop from availability);
create trigger totals after update on availability
begin
  delete from shop_total;
  insert into shop_total select shop, sum(units) from movement group by shop;
end;
