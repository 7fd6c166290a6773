-- Who may see whose pages beside the person herself, and when: the windows of time that her Consents of category
-- urn:careloop:code:portal give (care/representation.py). until null: no end is known. Read when an actor is built.
create table portal_shares(
  person bigint not null, consent bigint not null, related bigint not null, kind text collate "C" not null,
  share text collate "C" not null, since timestamptz not null, until timestamptz,
  primary key(person, consent, share, since));
create index portal_shares_by_related on portal_shares(related, person);
