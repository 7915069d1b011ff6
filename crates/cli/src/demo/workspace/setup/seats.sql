-- The bookkeepers want to know of large contracts first.
create trigger large_contracts_insert before insert on subscription when new.seats > 40
begin select raise(abort, 'more than 40 seats need a contract number'); end;
create trigger large_contracts_update before update on subscription when new.seats > 40
begin select raise(abort, 'more than 40 seats need a contract number'); end;
