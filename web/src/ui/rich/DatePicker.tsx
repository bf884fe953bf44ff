import { parseDate, type CalendarDate } from '@internationalized/date';
import { useState } from 'react';
import { Button, Calendar, CalendarCell, CalendarGrid, CalendarGridBody, CalendarGridHeader, CalendarHeaderCell, DateInput, DatePicker, DateSegment, Dialog, FieldError, Group, Heading, I18nProvider, Label, Popover } from 'react-aria-components';
import { locale } from '../../i18n/format';
import type { DateProps } from '../DateField';
import { Icon } from '../Icon';

function read(value: string | null): CalendarDate | null {
  try {
    return value ? parseDate(value.slice(0, 10)) : null;
  } catch {
    // What cannot be read as a day counts as none.
    return null;
  }
}
/** A year that is being typed has too few digits yet; in Thai it is before the year 1 then. */
const isWhole = (day: CalendarDate) => /^[1-9]\d{3}-/.test(day.toString());

/**
 * The calendar field. Its words come from the table that was given to React Aria before. A day that is being typed stays in here; the
 * form is told a whole one, or what there is when the field is left.
 */
export default function RichDate({ label, error, required, value, onChange, autoFocus }: DateProps) {
  const [day, setDay] = useState(() => read(value));
  const [told, setTold] = useState(value);
  const [group, setGroup] = useState<HTMLDivElement | null>(null);
  if (value !== told) {
    setTold(value);
    setDay(read(value));
  }
  const tell = (next: CalendarDate | null) => {
    const text = next?.toString() ?? null;
    setTold(text);
    onChange(text);
  };
  return (
    <I18nProvider locale={locale}>
      <DatePicker className={error ? 'field wrong date-picker' : 'field date-picker'} value={day} onChange={(next) => {
        setDay(next);
        if (!next || isWhole(next)) tell(next);
      }} onBlur={() => day && !isWhole(day) && tell(day)} autoFocus={autoFocus} isRequired={required} isInvalid={!!error}>
        <Label>
          {label}
          {required && <span aria-hidden="true" className="star">{' *'}</span>}
        </Label>
        <Group ref={setGroup} className="date-group">
          <DateInput className="date-input">{(segment) => <DateSegment className="date-segment" segment={segment} />}</DateInput>
          <Button className="button only quiet"><Icon name="activity" /></Button>
        </Group>
        <FieldError className="fault">{error}</FieldError>
        {/* What lies outside an open dialog cannot be reached. */}
        <Popover className="popover date-popover" UNSTABLE_portalContainer={group?.closest('dialog') ?? undefined}>
          <Dialog className="date-dialog">
            <Calendar className="calendar">
              <header className="row">
                <Button slot="previous" className="button only quiet"><Icon name="back" /></Button>
                <Heading level={2} className="grow calendar-title" />
                <Button slot="next" className="button only quiet"><Icon name="next" /></Button>
              </header>
              <CalendarGrid>
                <CalendarGridHeader>{(name) => <CalendarHeaderCell>{name}</CalendarHeaderCell>}</CalendarGridHeader>
                <CalendarGridBody>{(date) => <CalendarCell date={date} className="calendar-cell" />}</CalendarGridBody>
              </CalendarGrid>
            </Calendar>
          </Dialog>
        </Popover>
      </DatePicker>
    </I18nProvider>
  );
}
