-- What years of typing, imports and migrations left behind: rows that the CRM will not take.

-- e-mail addresses that are none
update customers set email = replace(trim(email), '@', ' (at) ') where id in (204, 341, 512);
update customers set email = 'tbd' where id in (118, 377);
-- no e-mail address
update customers set email = null where id in (52, 133, 410);
-- names that somebody put a whole letterhead into
update customers set last_name = last_name || ', Head of Facilities and Procurement' where id in (66, 245);
-- text where a number belongs
update customers set mrr = 'tbd' where id = 329;
-- prospects without a country
update companies set country = null where id in (24, 99);
-- a product that nobody priced
update orders set amount = 'on request' where id = 1207;
