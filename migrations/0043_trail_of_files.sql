-- What was done to files of these records stands in the audit trail under the record's number, as everything else of it does.
update audit set ref = 'contract/' || (
    select number from contract as c where c.company = audit.company and c.id = cast(substr(audit.ref, 10) as bigint)
  )
where case when action in ('file attached', 'file removed', 'file link made') and ref like 'contract/%' then exists (
    select 1 from contract as c where c.company = audit.company and c.id = cast(substr(audit.ref, 10) as bigint)
  ) else false end;
update audit set ref = 'expense/' || (
    select number from expense as e where e.company = audit.company and e.id = cast(substr(audit.ref, 9) as bigint)
  )
where case when action in ('file attached', 'file removed', 'file link made') and ref like 'expense/%' then exists (
    select 1 from expense as e where e.company = audit.company and e.id = cast(substr(audit.ref, 9) as bigint)
  ) else false end;
update audit set ref = 'activity/' || (
    select no from activity as a where a.company = audit.company and a.id = cast(substr(audit.ref, 10) as bigint)
  )
where case when action in ('file attached', 'file removed', 'file link made') and ref like 'activity/%' then exists (
    select 1 from activity as a where a.company = audit.company and a.id = cast(substr(audit.ref, 10) as bigint)
  ) else false end;
