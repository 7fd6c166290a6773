-- Finding people: one row a person. words: every name she has had, normalized, each word after a space, so that
-- '% dua%' asks for a word that begins so. phones: the last ten
-- digits of each, and its last seven. numbers: identifiers, letters and digits only.
create table finder(
  person bigint primary key, id text collate "C" not null, name text not null, birth_date date, mrn text, phone text,
  words text collate "C" not null, phones text[] collate "C" not null, numbers text[] collate "C" not null,
  postal text collate "C");
create index finder_words on finder using gin (words gin_trgm_ops);
create index finder_birth_date on finder (birth_date);
create index finder_phones on finder using gin (phones);
create index finder_numbers on finder using gin (numbers);
create index finder_postal on finder (postal);
