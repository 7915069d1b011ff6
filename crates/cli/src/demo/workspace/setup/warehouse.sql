-- The warehouse checks little: that is why bad rows get in.
create table companies (
  id integer primary key,
  name text,
  domain text,
  country text,
  employees integer
);
create table customers (
  id integer primary key,
  company_id integer,
  first_name text,
  last_name text,
  email text,
  phone text,
  mrr numeric(10, 2),
  signed_up date,
  internal integer not null default 0
);
create table leads (
  id integer primary key,
  name text,
  email text,
  source text
);
create table products (
  sku text primary key,
  name text,
  category text,
  weight_grams integer,
  price numeric(10, 2),
  stock integer,
  active integer not null default 1
);
create table orders (
  id integer primary key,
  customer_id integer,
  sku text,
  quantity integer,
  amount numeric(10, 2),
  ordered_at timestamptz
);
create index orders_by_customer on orders (customer_id, ordered_at);
create table subscriptions (
  id integer primary key,
  customer_id integer,
  plan text,
  seats integer,
  monthly_amount numeric(10, 2),
  status text,
  started_on date
);
create table invoices (
  number text primary key,
  subscription_id integer,
  amount numeric(10, 2),
  issued_on date,
  paid integer not null default 0
);
create table stock (
  shop text,
  sku text,
  units integer,
  primary key (shop, sku)
);
