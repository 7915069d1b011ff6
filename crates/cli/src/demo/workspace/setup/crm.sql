-- The CRM checks what it is given: every constraint here refuses some row of the warehouse.
create table company (
  external_id integer primary key,
  name text not null,
  domain text not null unique,
  country text not null check (length(country) = 2),
  region text,
  size text not null check (size in ('small', 'medium', 'large'))
);
create table contact (
  external_id integer primary key,
  company_id integer not null references company (external_id),
  email text not null unique check (email like '_%@_%'),
  name text not null check (length(name) <= 40),
  phone text,
  tier text not null check (tier in ('standard', 'silver', 'gold')),
  mrr numeric(10, 2) not null check (mrr >= 0),
  customer_since date not null,
  orders integer not null,
  last_order_at timestamptz
);
create table order_event (
  order_id integer not null,
  contact_id integer not null,
  ordered_at timestamptz not null,
  summary text not null,
  amount numeric(10, 2) not null
);
create table lead (
  external_id integer primary key,
  name text not null,
  email text,
  source text not null
);
create table newsletter_consent (
  email text primary key,
  opted_in boolean not null,
  changed_at timestamptz not null
);
