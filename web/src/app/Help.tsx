import { chordText, commands, keysOf, wishes } from '../keys';
import { words } from '../i18n';
import { Dialog } from '../ui/Dialog';
import { useStore } from '../store';

/** The help sheet: every key of this screen, read from the same list that gives them their effect. */
export function Help({ onClose }: { onClose(): void }) {
  const t = words('core').keys;
  const list = useStore(commands);
  const own = useStore(wishes);
  const groups = [...new Set(list.map((command) => command.group))];
  return (
    <Dialog title={t.title} onClose={onClose} className="wide">
      <div className="dialog-content help">
        {!own.on && <p className="notice warn">{t.off}</p>}
        {groups.map((group) => {
          const some = list.filter((command) => command.group === group && keysOf(command, own).length > 0);
          if (some.length === 0) return null;
          return (
            <section key={group}>
              <h3>{group}</h3>
              <dl className="help-list">
                {some.map((command) => (
                  <div key={command.id}>
                    <dt>{command.label}</dt>
                    <dd>
                      {keysOf(command, own).map((keys) => (
                        <span key={keys} className="help-keys">
                          {keys.split(' ').map((one, index) => (
                            <kbd key={index}>{chordText(one)}</kbd>
                          ))}
                        </span>
                      ))}
                    </dd>
                  </div>
                ))}
              </dl>
            </section>
          );
        })}
      </div>
    </Dialog>
  );
}
