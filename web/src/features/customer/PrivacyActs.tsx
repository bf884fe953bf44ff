import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../../api/client';
import { words } from '../../i18n';
import { Ask } from '../../screen/Ask';
import { Button } from '../../ui/Button';
import { toast } from '../../ui/Toast';

/** What a person may ask for about their own data, entered from their page. Erasing begins on the page of requests, after a second look. */
export function PrivacyActs({ code }: { code: string }) {
  const t = words('customer').privacy;
  const navigate = useNavigate();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button icon="user" onClick={() => setOpen(true)}>{t.title}</Button>
      {open && (
        <Ask
          title={t.title}
          text={<p>{t.text}</p>}
          fields={[
            { id: 'kind', label: t.kind, kind: 'choice', required: true, options: Object.entries(t.kinds).map(([value, label]) => ({ value, label })) },
            { id: 'requestedBy', label: t.by, required: true, whole: true },
            { id: 'reason', label: t.reason, kind: 'area' },
          ]}
          first={{ kind: 'export', requestedBy: '' }}
          onClose={() => setOpen(false)}
          save={async (values) => {
            await call('POST', '/v1/privacy/requests', { body: { ...values, customerCode: code }, key: crypto.randomUUID() });
            toast(t.entered);
            void navigate({ to: '/privacy' as never });
          }}
        />
      )}
    </>
  );
}
