/** The digits of a text as they are on keyboards everywhere. */
export const arabic = (text: string): string => text.replace(/[\u0e50-\u0e59]/g, (digit) => String(digit.charCodeAt(0) - 0x0e50));

/** A number as people write it (`1,500.50`, in Thai digits as well) as a plain decimal; null for an empty text, undefined for what is no number. */
export function readNumber(text: unknown): string | null | undefined {
  const plain = arabic(String(text ?? '')).replace('−', '-').trim();
  if (plain === '') return null;
  return /^[+-]?(\d+|\d{1,3}(,\d{3})+)?(\.\d+)?$/.test(plain) && /\d/.test(plain) ? plain.replaceAll(',', '').replace('+', '') : undefined;
}

/** A time of day as people write it (`9:30`, `09.30`, `0930`) as `09:30`; null for an empty text, undefined for what is none. */
export function readClock(text: string): string | null | undefined {
  const plain = arabic(text).trim();
  if (plain === '') return null;
  const [, hour, minute] = /^(\d{1,2})[:.](\d{2})(?::\d{2})?$/.exec(plain) ?? /^(\d{2})(\d{2})$/.exec(plain) ?? [];
  return hour && minute && Number(hour) < 24 && Number(minute) < 60 ? `${hour.padStart(2, '0')}:${minute}` : undefined;
}
