import { useId, type InputHTMLAttributes, type ReactNode, type Ref, type SelectHTMLAttributes, type TextareaHTMLAttributes } from 'react';

interface Around {
  label: string;
  hint?: ReactNode;
  error?: string | null;
}

function Frame({ id, label, hint, error, required, children }: Around & { id: string; required?: boolean; children: ReactNode }) {
  return (
    <div className={error ? 'field wrong' : 'field'}>
      <label htmlFor={id}>
        {label}
        {required && <span aria-hidden="true" className="star">{' *'}</span>}
      </label>
      {children}
      {hint && <p id={`${id}-hint`} className="hint">{hint}</p>}
      {error && <p id={`${id}-error`} className="fault">{error}</p>}
    </div>
  );
}

const described = (id: string, hint: unknown, error: unknown) => [hint ? `${id}-hint` : '', error ? `${id}-error` : ''].filter(Boolean).join(' ') || undefined;

/** One line of text with its label, hint and fault. */
export function TextField({ label, hint, error, id, ref, ...rest }: Around & InputHTMLAttributes<HTMLInputElement> & { ref?: Ref<HTMLInputElement> }) {
  const own = useId();
  const name = id ?? own;
  return (
    <Frame id={name} label={label} hint={hint} error={error} required={rest.required}>
      <input {...rest} ref={ref} id={name} data-autofocus={rest.autoFocus || undefined} aria-invalid={error ? true : undefined} aria-describedby={described(name, hint, error)} />
    </Frame>
  );
}

/** Several lines of text. */
export function TextArea({ label, hint, error, id, ref, ...rest }: Around & TextareaHTMLAttributes<HTMLTextAreaElement> & { ref?: Ref<HTMLTextAreaElement> }) {
  const own = useId();
  const name = id ?? own;
  return (
    <Frame id={name} label={label} hint={hint} error={error} required={rest.required}>
      <textarea rows={3} {...rest} ref={ref} id={name} data-autofocus={rest.autoFocus || undefined} aria-invalid={error ? true : undefined} aria-describedby={described(name, hint, error)} />
    </Frame>
  );
}

/** A choice among few. */
export function SelectField({ label, hint, error, id, children, ...rest }: Around & SelectHTMLAttributes<HTMLSelectElement>) {
  const own = useId();
  const name = id ?? own;
  return (
    <Frame id={name} label={label} hint={hint} error={error} required={rest.required}>
      <select {...rest} id={name} data-autofocus={rest.autoFocus || undefined} aria-invalid={error ? true : undefined} aria-describedby={described(name, hint, error)}>
        {children}
      </select>
    </Frame>
  );
}

/** Yes or no. */
export function Check({ label, hint, ...rest }: { label: string; hint?: string } & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div className="check">
      <input type="checkbox" {...rest} id={id} aria-describedby={hint ? `${id}-hint` : undefined} />
      <label htmlFor={id}>{label}</label>
      {hint && <p id={`${id}-hint`} className="hint">{hint}</p>}
    </div>
  );
}
