import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { call, may } from '../../api/client';
import { languages, words } from '../../i18n';
import { Pairs, RecordForm, type FieldSpec } from '../../screen/Form';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { useFocusBack } from '../../ui/focus';
import { Failed, Loading } from '../../ui/State';
import { toast } from '../../ui/Toast';
import { Assignment } from './Assignment';
import { Hours } from './Hours';
import { Lists } from './Lists';
import { Nested } from './Nested';
import { Replies } from './Replies';
import { Unbroken } from './Unbroken';
import { useSetting } from './setting';
import { Sso } from './Sso';

/** The company's own record, and every look-up list. */
export function Settings() {
  const t = words('manage').setting;
  useEffect(() => {
    document.title = `${t.title} · Sala`;
  }, [t]);
  return (
    <div className="page">
      <h1>{t.title}</h1>
      <div className="record">
        <div>
          <Company />
          <Hours />
          <Nested property="inbox" title={t.answers} text={t.answersText} fields={[{ id: 'inbox.responseMinutes', label: t.responseMinutes, kind: 'number' }]} />
          <Assignment />
          <Nested property="mail" title={t.mail} fields={[{ id: 'mail.senderName', label: t.senderName, hint: t.senderHint }, { id: 'mail.replyTo', label: t.replyTo, kind: 'email', hint: t.replyHint }]} />
          <Nested
            property="retention"
            title={t.ages}
            text={t.agesText}
            fields={(['events', 'deliveries', 'attempts', 'mails', 'audit'] as const).map((id) => ({ id: `retention.${id}`, label: t.kept[id], kind: 'number' as const, required: id !== 'audit' }))}
          />
          {may('chat:read') && <Replies />}
          {may('setting:read') && <Unbroken />}
          {may('user:write') && <Sso />}
        </div>
        <Lists />
      </div>
    </div>
  );
}

function Company() {
  const t = words('manage').setting;
  const cache = useQueryClient();
  const [editing, setEditing] = useState(false);
  const editButton = useFocusBack(editing);
  const found = useSetting();
  const fields: FieldSpec[] = [
    { id: 'name', label: t.name, required: true },
    { id: 'nameEn', label: t.nameEn },
    { id: 'taxNo', label: t.taxNo },
    { id: 'phone', label: t.phone, kind: 'phone' },
    { id: 'email', label: t.email, kind: 'email' },
    { id: 'address', label: t.address, kind: 'area' },
    { id: 'addressEn', label: t.addressEn, kind: 'area' },
    { id: 'timeZone', label: t.timeZone },
    { id: 'currency', label: t.currency },
    { id: 'language', label: t.language, kind: 'choice', options: [{ value: 'th', label: languages.th }, { value: 'en', label: languages.en }] },
    { id: 'retentionDays', label: t.retention, kind: 'number' },
    { id: 'allowNegativeStock', label: t.negative, kind: 'yes' },
    { id: 'refuseWrongTaxNo', label: t.wrongTax, kind: 'yes' },
  ];
  if (found.isPending) return <Loading />;
  if (found.isError) return <Failed error={found.error} retry={() => void found.refetch()} />;
  return (
    <section className="card" aria-label={t.company}>
      <div className="bar">
        <h2 className="grow">{t.company}</h2>
        {may('setting:write') && !editing && <Button ref={editButton} onClick={() => setEditing(true)}>{words('core').act.edit}</Button>}
      </div>
      {editing ? (
        <RecordForm
          fields={fields}
          first={found.data.values}
          making={false}
          cancel={() => setEditing(false)}
          save={async (changed) => {
            await call('PUT', '/v1/setting', { body: changed, ...(found.data.version ? { match: found.data.version } : {}) });
            await cache.invalidateQueries({ queryKey: ['setting'] });
            setEditing(false);
            toast(words('core').saved);
          }}
        />
      ) : (
        <Pairs fields={fields} values={found.data.values} />
      )}
    </section>
  );
}
