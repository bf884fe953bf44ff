import { call } from '../../api/client';
import { words } from '../../i18n';
import { Ask } from '../../screen/Ask';
import { toast } from '../../ui/Toast';

/** A case about what is written in a room; it keeps the room. Loaded when it is first wanted: the inbox itself needs no forms. */
export default function OpenCase({ roomId, onClose }: { roomId: string; onClose(): void }) {
  const t = words('inbox').openCase;
  return (
    <Ask
      title={t.title}
      act={t.title}
      fields={[
        { id: 'subject', label: t.subject, required: true, whole: true },
        { id: 'categoryId', label: t.category, kind: 'choice', list: 'case-categories', ids: true },
        { id: 'note', label: t.note, kind: 'area' },
      ]}
      first={{ subject: '' }}
      onClose={onClose}
      save={async (body) => {
        const made = await call<{ caseNo: string }>('POST', `/v1/chat/rooms/${encodeURIComponent(roomId)}/case`, { body, key: crypto.randomUUID() });
        toast(t.done(made.caseNo));
      }}
    />
  );
}
