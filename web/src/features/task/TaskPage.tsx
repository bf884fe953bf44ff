import { useParams } from '@tanstack/react-router';
import { may } from '../../api/client';
import { words } from '../../i18n';
import { RecordScreen } from '../../screen/Record';
import { read, remove, restore, write } from '../../screen/resource';
import '../../screen/screen.css';
import { Checklist } from './Checklist';
import { TASK, taskFields } from './fields';

/** One task, or a new one. */
export function TaskPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const t = words('work').task;
  const can = may('task:write');
  return (
    <RecordScreen
      key={id}
      kind="task"
      kindName={t.one}
      id={id === 'new' ? null : id}
      listAt="/tasks"
      fields={taskFields()}
      titleOf={(values) => String(values['subject'])}
      marks={(values) => <span className="chip info">{t.statuses[String(values['status'])]}</span>}
      read={(key) => read(TASK, key)}
      write={can ? (key, changed, version) => write(TASK, key, changed, version) : undefined}
      remove={can ? (key, version) => remove(TASK, key, version) : undefined}
      restore={(key) => restore(TASK, key)}
      below={(values) => <Checklist key={String(values['taskNo'])} no={String(values['taskNo'])} can={can} />}
      audit={(values) => `task/${String(values['taskNo'])}`}
    />
  );
}
