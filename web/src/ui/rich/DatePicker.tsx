import { parseDate } from '@internationalized/date';
import { Button, Calendar, CalendarCell, CalendarGrid, CalendarGridBody, CalendarGridHeader, CalendarHeaderCell, DateInput, DatePicker, DateSegment, Dialog, FieldError, Group, Heading, I18nProvider, Label, Popover } from 'react-aria-components';
import { locale } from '../../i18n/format';
import type { DateProps } from '../DateField';
import { Icon } from '../Icon';

/** The calendar field. Its words come from the table that was given to React Aria before. */
export default function RichDate({ label, error, required, value, onChange }: DateProps) {
  let day = null;
  try {
    day = value ? parseDate(value.slice(0, 10)) : null;
  } catch {
    // What cannot be read as a day counts as none.
  }
  return (
    <I18nProvider locale={locale}>
      <DatePicker className={error ? 'field wrong date-picker' : 'field date-picker'} value={day} onChange={(next) => onChange(next ? next.toString() : null)} isRequired={required} isInvalid={!!error}>
        <Label>{label}</Label>
        <Group className="date-group">
          <DateInput className="date-input">{(segment) => <DateSegment className="date-segment" segment={segment} />}</DateInput>
          <Button className="button only quiet"><Icon name="activity" /></Button>
        </Group>
        <FieldError className="fault">{error}</FieldError>
        <Popover className="popover date-popover">
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
