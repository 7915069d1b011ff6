-- The shops' stock system is an old one.
create table availability (
  id text primary key,
  shop text not null,
  sku text not null,
  units integer not null check (units >= 0),
  valid_until timestamptz
);
-- What went through its tills.
create table movement (
  shop text not null,
  units integer not null
);
create table shop_total (
  shop text primary key,
  moved integer not null
);
