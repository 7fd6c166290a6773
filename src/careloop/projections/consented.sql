-- What a person's Consents say, one row a Consent, a grantee (rid of an Organization, Practitioner, RelatedPerson …;
-- 0: anyone) and a statement (n), which either permits or denies. permits, denies: label bits (access/labels.py); the
-- whole record is 1 << 16. purposes: bits of care/consent.py, 0 any. since, until are looked at when something is read,
-- so that an expired consent ends by itself. Two rules for whoever asks: a denial wins over a permit of another Consent;
-- within one Consent, what it permits to a grantee by name stands against what it denies to anyone.
create table consented(
  person bigint not null, consent bigint not null, grantee bigint not null, n smallint not null default 0,
  permits integer not null, denies integer not null,
  purposes integer not null, since timestamptz not null, until timestamptz,
  primary key(person, consent, grantee, n));
create index consented_by_grantee on consented(grantee, person);
