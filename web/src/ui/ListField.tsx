import { useId, useState } from 'react';
import { composing } from '../keys';
import { words } from '../i18n';

/** Several short texts: each a chip that can be taken away, new ones typed and ended with Enter or a comma. */
export function ListField({ label, error, value, onChange, offered = [] }: { label: string; error?: string | null; value: readonly string[]; onChange(value: string[]): void; offered?: readonly string[] }) {
  const t = words('core').act;
  const id = useId();
  const [text, setText] = useState('');
  const add = () => {
    const one = text.trim();
    if (one && !value.includes(one)) onChange([...value, one]);
    setText('');
  };
  return (
    <div className={error ? 'field wrong' : 'field'}>
      <label htmlFor={id}>{label}</label>
      <div className="list-field">
        {value.map((one) => (
          <span key={one} className="chip accent">
            {one}
            <button type="button" aria-label={`${t.remove} ${one}`} onClick={() => onChange(value.filter((other) => other !== one))}>{'×'}</button>
          </span>
        ))}
        <input
          id={id}
          list={`${id}-list`}
          value={text}
          aria-invalid={error ? true : undefined}
          aria-describedby={error ? `${id}-error` : undefined}
          onChange={(event) => setText(event.target.value)}
          onBlur={add}
          onKeyDown={(event) => {
            if (composing(event.nativeEvent)) return;
            if ((event.key === 'Enter' && !event.ctrlKey && !event.metaKey) || event.key === ',') {
              event.preventDefault();
              add();
            } else if (event.key === 'Backspace' && text === '' && value.length) onChange(value.slice(0, -1));
          }}
        />
        <datalist id={`${id}-list`}>
          {offered.filter((one) => !value.includes(one)).map((one) => <option key={one} value={one} />)}
        </datalist>
      </div>
      {error && <p id={`${id}-error`} className="fault">{error}</p>}
    </div>
  );
}
