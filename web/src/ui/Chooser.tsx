import { useEffect, useId, useMemo, useRef, useState, type ReactNode } from 'react';
import { composing } from '../keys';
import { fold } from './text';
import { Dialog } from './Dialog';

/** Something that can be chosen. */
export interface Option {
  id: string;
  label: string;
  group?: string;
  hint?: ReactNode;
  /** Also found by these words. */
  more?: string;
  mark?: ReactNode;
}

interface Props {
  title: string;
  placeholder: string;
  /** What the choice means, above the options. */
  text?: ReactNode;
  options: readonly Option[];
  none: ReactNode;
  onChoose(option: Option): void;
  onClose(): void;
  /** Told what is typed, when options come from the server. */
  onType?(text: string): void;
  /** The options are searched already. */
  found?: boolean;
  /** Offered when nothing has the typed words. */
  create?: (text: string) => Option | null;
}

/** A list that is searched by typing and chosen from by keyboard. It is in the first load, so that no key typed after its opening is lost. */
export function Chooser({ title, placeholder, text: told, options, none, onChoose, onClose, onType, found, create }: Props) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const shown = useMemo(() => {
    const parts = fold(text).split(/\s+/).filter(Boolean);
    const some = found || parts.length === 0 ? options : options.filter((option) => {
      const hay = fold(`${option.label} ${option.more ?? ''} ${option.group ?? ''}`);
      return parts.every((part) => hay.includes(part));
    });
    const made = text.trim() ? create?.(text.trim()) : null;
    return made ? [...some.slice(0, 200), made] : some.slice(0, 200);
  }, [options, text, found, create]);
  const active = Math.min(at, Math.max(0, shown.length - 1));
  useEffect(() => {
    list.current?.querySelector(`[id="${id}-${active}"]`)?.scrollIntoView({ block: 'nearest' });
  }, [active, id, shown]);
  return (
    <Dialog title={title} onClose={onClose} bare className="chooser">
      <input
        ref={input}
        className="chooser-input"
        role="combobox"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={shown.length ? `${id}-${active}` : undefined}
        aria-label={title}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
          onType?.(event.target.value);
        }}
        onKeyDown={(event) => {
          if (composing(event.nativeEvent)) return;
          const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
          if (step) {
            event.preventDefault();
            setAt(Math.max(0, Math.min(shown.length - 1, active + step)));
          } else if (event.key === 'Enter') {
            event.preventDefault();
            const option = shown[active];
            if (option) onChoose(option);
          }
        }}
      />
      {told && <p className="chooser-text">{told}</p>}
      <div ref={list} id={`${id}-list`} role="listbox" aria-label={title} className="chooser-list" tabIndex={-1}>
        {shown.map((option, index) => (
          <div
            key={option.id}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            className="chooser-option"
            data-group={option.group && option.group !== shown[index - 1]?.group ? option.group : undefined}
            onMouseMove={() => setAt(index)}
            onClick={() => onChoose(option)}
          >
            {option.mark}
            <span className="grow line">{option.label}</span>
            {option.hint && <span className="chooser-hint">{option.hint}</span>}
          </div>
        ))}
      </div>
      {shown.length === 0 && <p className="chooser-none">{none}</p>}
    </Dialog>
  );
}
