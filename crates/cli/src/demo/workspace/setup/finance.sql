create table subscription (
  subscription_id integer primary key,
  contact_id integer not null,
  plan text not null check (plan in ('starter', 'office', 'campus')),
  seats integer not null,
  monthly_amount numeric(10, 2) not null,
  status text not null,
  started_on date not null
);
create table invoice (
  number text primary key,
  subscription_id integer not null,
  amount numeric(10, 2) not null check (amount > 0),
  issued_on date not null,
  paid boolean not null
);
