-- The warehouse checks little: that is why bad rows are in it.
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
