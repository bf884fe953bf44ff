import { chordText, commands, keysOf } from '../keys';
import { words } from '../i18n';
import { Chooser } from '../ui/Chooser';
import { useStore } from '../store';

/** All commands of this moment, found by typing. */
export function Palette({ onClose }: { onClose(): void }) {
  const t = words('core').keys;
  const list = useStore(commands);
  const options = list
    .filter((command) => !command.quiet)
    .map((command) => {
      const keys = keysOf(command)[0];
      return { id: command.id, label: command.label, group: command.group, hint: keys ? <kbd>{chordText(keys)}</kbd> : command.group };
    });
  return (
    <Chooser
      title={t.palette}
      placeholder={t.palette}
      options={options}
      none={t.none}
      onClose={onClose}
      onChoose={(option) => {
        onClose();
        // The focus goes back first, so that a command may move it on.
        setTimeout(() => list.find((command) => command.id === option.id)?.run());
      }}
    />
  );
}
