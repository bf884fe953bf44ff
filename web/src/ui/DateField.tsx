import { lazy, Suspense } from 'react';
import { teach } from '../i18n/aria';
import { TextField } from './Field';

export interface DateProps {
  label: string;
  error?: string | null;
  required?: boolean;
  /** `YYYY-MM-DD`, or null. */
  value: string | null;
  onChange(value: string | null): void;
}

// React Aria reads its words once, so they are there before it is loaded.
const Rich = lazy(async () => {
  await teach();
  return import('./rich/DatePicker');
});

/** A day, with a calendar: Buddhist years in Thai. Until the calendar is loaded, the browser's own field stands in its place. */
export function DateField(props: DateProps) {
  return (
    <Suspense fallback={<TextField label={props.label} type="date" value={props.value ?? ''} onChange={(event) => props.onChange(event.target.value || null)} />}>
      <Rich {...props} />
    </Suspense>
  );
}
