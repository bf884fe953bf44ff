import { lazy, Suspense, useState } from 'react';
import { teach } from '../i18n/aria';
import { TextField } from './Field';

export interface DateProps {
  label: string;
  error?: string | null | undefined;
  required?: boolean | undefined;
  /** `YYYY-MM-DD`, or null. */
  value: string | null;
  onChange(value: string | null): void;
  autoFocus?: boolean;
}

// React Aria reads its words once, so they are there before it is loaded.
const Rich = lazy(async () => {
  await teach();
  return import('./rich/DatePicker');
});

/** A day, with a calendar: Buddhist years in Thai. Until the calendar is loaded, the browser's own field stands in its place. */
export function DateField(props: DateProps) {
  // Who is in the field already stays in it when the calendar takes its place.
  const [focused, setFocused] = useState(false);
  return (
    <Suspense fallback={<TextField label={props.label} type="date" required={props.required} autoFocus={props.autoFocus} onFocus={() => setFocused(true)} onBlur={() => setFocused(false)} value={props.value?.slice(0, 10) ?? ''} onChange={(event) => props.onChange(event.target.value || null)} />}>
      <Rich {...props} autoFocus={props.autoFocus || focused} />
    </Suspense>
  );
}
