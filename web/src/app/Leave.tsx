import { useBlocker } from '@tanstack/react-router';
import { words } from '../i18n';
import { useStore } from '../store';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { isUnsaved, mayLeave, question } from '../unsaved';

/** Asks before what was typed is lost: by going to another screen here, by leaving the page in the browser's own words. */
export function Leave() {
  const t = words('core').leave;
  const answer = useStore(question);
  useBlocker({
    // Filters and the like are part of the screen that one is on.
    shouldBlockFn: async ({ current, next }) => current.pathname !== next.pathname && !(await mayLeave()),
    enableBeforeUnload: () => isUnsaved(),
  });
  if (!answer) return null;
  return (
    <Dialog title={t.title} onClose={() => answer(false)}>
      <div className="dialog-content">
        <p>{t.text}</p>
        <div className="dialog-foot">
          <Button look="danger" onClick={() => answer(true)}>{t.lose}</Button>
          <Button look="main" autoFocus onClick={() => answer(false)}>{t.stay}</Button>
        </div>
      </div>
    </Dialog>
  );
}
