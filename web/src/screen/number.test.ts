import { expect, test } from 'vitest';
import { readClock, readNumber } from './number';

test('numbers are read as people write them, and nothing else is', () => {
  expect(['1,500.50', ' ๑,๕๐๐ ', '-3', '−3', '.5', '0', '', null].map(readNumber)).toEqual(['1500.50', '1500', '-3', '-3', '.5', '0', null, null]);
  expect(['1,5oo', 'สอง', '1,5', '1.2.3', '-', '1e5', '1,,000'].map(readNumber)).toEqual(Array(7).fill(undefined));
});

test('a time of day has 24 hours', () => {
  expect(['9:30', '09.30', '๑๘:๐๐', '2359', '00:00:00', ''].map(readClock)).toEqual(['09:30', '09:30', '18:00', '23:59', '00:00', null]);
  expect(['24:00', '9', '12:60', '6 PM', 'noon'].map(readClock)).toEqual(Array(5).fill(undefined));
});
