-- Everything that is compared is folded anew, record by record: the jobs of kind `refold` do it.

-- Records that look the same as others of their kind, since what looks the same is compared as the same.
create table fold_clash (
  company bigint not null references company (company),
  section text not null,
  -- What of which kind of record.
  kind text not null,
  -- The record, as people know it.
  record text not null,
  primary key (company, section, kind, record)
);

insert into job (company, kind, key, run_at, version, tries, dead, created_at)
select company.company, 'refold', section.key, 0, 1, 0, false, 0 from company
cross join (select 'customer' as key union all select 'owner' union all select 'choice' union all select 'employee'
            union all select 'product' union all select 'stock' union all select 'room') as section
where true on conflict (company, kind, key) do nothing;
