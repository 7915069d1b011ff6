-- What years of typing, imports and migrations left behind: 20 customers and 1 company that the
-- CRM will not take.

-- e-mail addresses that are none: 7
update customers set email = replace(trim(email), '@', ' (at) ') where id = 204;
update customers set email = substr(email, 1, instr(email, '@')) where id = 941;
update customers set email = substr(email, instr(email, '@')) where id = 1203;
update customers set email = 'tbd' where id = 1588;
update customers set email = 'none' where id = 118;
update customers set email = 'reception' where id = 377;
update customers set email = 'see notes' where id = 612;
-- no e-mail address: 4
update customers set email = null where id in (52, 733, 1010, 1744);
-- names that somebody put a whole letterhead into: 3
update customers set last_name = last_name || ', Head of Facilities and Procurement' where id in (266, 845, 1431);
-- the same address for two people: 2
update customers set email = (select email from customers where id = 300) where id in (301, 302);
-- companies that were deleted long ago: 2
update customers set company_id = 871 where id in (498, 1666);
-- text where a number belongs: 1
update customers set mrr = 'tbd' where id = 1329;
-- no date: 1
update customers set signed_up = null where id = 1890;

-- a prospect without a country: 1
update companies set country = null where id = 199;
