-- The role of Grafana: it may read what the pipeline writes, now and later, and nothing else.
\getenv password READER_PASSWORD
create role reader login password :'password';
alter role reader set default_transaction_read_only = on;
alter role reader set statement_timeout = '30s';
grant usage on schema public to reader;
alter default privileges in schema public grant select on tables to reader;
