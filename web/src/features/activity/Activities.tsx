import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { may } from '../../api/client';
import { words } from '../../i18n';
import { formatTime } from '../../i18n/format';
import type { FieldSpec } from '../../screen/Form';
import { ListScreen } from '../../screen/List';
import { Coded, PersonName } from '../../screen/names';
import { customerPicker, employeePicker } from '../../screen/Pick';
import { RecordScreen } from '../../screen/Record';
import { asBody, enquire, read, remove, restore, write, type Resource } from '../../screen/resource';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { Feeds, Visit, VisitActs, VisitFiles } from './Visit';

const ACTIVITY: Resource = { path: '/v1/activity', key: 'activityNo' };

interface Row {
  activityNo: string;
  subject: string | null;
  customerCode?: string | null;
  customerName?: string | null;
  dateAppointmentStart: string | null;
  dateAppointmentEnd: string | null;
  visitLocationName?: string | null;
  assignToName?: string | null;
  assignToUserId?: string | null;
}

/** Visits, calls, meetings. */
export function Activities() {
  const t = words('work').activity;
  const [feeds, setFeeds] = useState(false);
  return (
    <>
      <ListScreen<Row>
        title={t.title}
        icon="activity"
        at="/activities"
        kind="activity"
        empty={t.empty}
        acts={<Button icon="link" onClick={() => setFeeds(true)}>{t.feeds}</Button>}
        create={may('activity:write') ? { label: t.create, to: '/activities/new' } : undefined}
        idOf={(row) => row.activityNo}
        linkOf={(row) => `/activities/${encodeURIComponent(row.activityNo)}`}
        fetch={(asked, next, signal) => enquire<Row>('/v1/activities/enquiry', asBody(asked), next, signal)}
        columns={[
          { id: 'subject', label: t.subject, show: (row) => row.subject ?? row.activityNo },
          { id: 'start', label: t.start, show: (row) => (row.dateAppointmentStart ? formatTime(row.dateAppointmentStart) : '') },
          { id: 'customer', label: t.customer, show: (row) => <Coded name={row.customerName} code={row.customerCode} />, wide: true },
          { id: 'place', label: t.place, show: (row) => row.visitLocationName ?? '', wide: true },
          { id: 'assignee', label: t.assignee, show: (row) => <PersonName of={row.assignToUserId} said={row.assignToName} />, wide: true },
        ]}
      />
      {feeds && <Feeds onClose={() => setFeeds(false)} />}
    </>
  );
}

/** One activity, or a new one. */
export function ActivityPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const t = words('work').activity;
  const fields: FieldSpec[] = [
    { id: 'activityNo', label: t.no, fixed: true },
    { id: 'subject', label: t.subject, required: true, whole: true },
    { id: 'customerCode', label: t.customer, kind: 'pick', picker: customerPicker(t.customer), named: 'customerName' },
    { id: 'assignToUserId', label: t.assignee, kind: 'pick', picker: employeePicker(t.assignee), named: 'assignToName' },
    { id: 'dateAppointmentStart', label: t.start, kind: 'time', required: true },
    { id: 'dateAppointmentEnd', label: t.end, kind: 'time' },
    { id: 'activityTypeId', label: t.type, kind: 'choice', list: 'activity-types', ids: true, named: 'activityTypeName' },
    { id: 'statusId', label: t.status, kind: 'choice', list: 'activity-statuses', ids: true, named: 'statusName' },
    { id: 'visitLocationName', label: t.place },
    { id: 'contactName', label: t.contact },
    { id: 'note', label: t.note, kind: 'area' },
    { id: 'report', label: t.report, kind: 'area' },
    { id: 'outcome', label: t.outcome },
    { id: 'nextStep', label: t.nextStep },
    { id: 'dateNextStep', label: t.nextDay, kind: 'date' },
  ];
  return (
    <RecordScreen
      key={id}
      kind="activity"
      kindName={t.one}
      id={id === 'new' ? null : id}
      listAt="/activities"
      fields={fields}
      titleOf={(values) => String(values['subject'] ?? values['activityNo'])}
      marks={(values) => <span className="chip">{String(values['activityNo'])}</span>}
      read={(key) => read(ACTIVITY, key)}
      write={may('activity:write') ? (key, changed, version) => write(ACTIVITY, key, changed, version) : undefined}
      remove={may('activity:write') ? (key, version) => remove(ACTIVITY, key, version) : undefined}
      restore={(key) => restore(ACTIVITY, key)}
      acts={(values, again) => <VisitActs values={values} again={again} />}
      below={(values) => <><Visit values={values} /><VisitFiles no={String(values['activityNo'])} /></>}
      audit={(values) => `activity/${String(values['activityNo'])}`}
    />
  );
}
