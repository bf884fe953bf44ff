-- Spaces in a row are compared as one, and telephones are found between words: everything that is compared is folded anew, record
-- by record, as by 0016; the jobs of kind `refold` do it.
insert into job (company, kind, key, run_at, version, tries, dead, created_at)
select company.company, 'refold', section.key, 0, 1, 0, false, 0 from company
cross join (select 'customer' as key union all select 'owner' union all select 'choice' union all select 'employee'
            union all select 'product' union all select 'stock' union all select 'room' union all select 'reply'
            union all select 'message' union all select 'mail' union all select 'task' union all select 'quotation'
            union all select 'sales_order' union all select 'tax_document' union all select 'deal'
            union all select 'expense' union all select 'contract' union all select 'service_case'
            union all select 'activity') as section
where true
-- One that looks again at clashes tomorrow does so now.
on conflict (company, kind, key) do update set run_at = case when job.worker is null then 0 else job.run_at end,
                                              version = job.version + 1, failures = 0, dead = false;
