import { expect, test } from 'vitest';
import en from '../i18n/en/audit';
import th from '../i18n/th/audit';
import { changesOf, inOrder, nameIn, once, partsOf } from './changes';

const told = (kind: string, action: string, changes: unknown) => changesOf(kind, action, changes).map((one) => [one.path.join('.'), one.item, one.from, one.to].filter((part) => part !== undefined));

test('one thing under several names is told once, by the name that has words', () => {
  expect(once('task', ['taskNo', 'assignedToUserId', 'assignedToStaffCode', 'customerCode', 'customerName', 'dateModified'])).toEqual(['assignedToStaffCode', 'customerName']);
  expect(once('case', ['status', 'statusId', 'categoryId', 'categoryName'])).toEqual(['statusId', 'categoryName']);
  expect(once('customer', ['customerCode', 'customerName', 'sourceName'])).toEqual(['customerCode', 'customerName', 'sourceName']);
  expect(once('contract', ['contractName', 'customerCode', 'customerType'])).toEqual(['contractName', 'customerCode']);
  expect(once('activity', ['state', 'statusId', 'statusName', 'assignToName', 'assignToUserId'])).toEqual(['statusName', 'assignToName']);
});

test('a new record tells what it has, a change also what is gone', () => {
  expect(told('task', 'created', { subject: [null, 'Call'], labels: [null, []], isActive: [null, false], note: [null, null] })).toEqual([['subject', null, 'Call']]);
  expect(told('task', 'updated', { isActive: [true, false], note: ['x', null] })).toEqual([['isActive', true, false], ['note', 'x', null]]);
  expect(told('task', 'updated', { note: [null, ''], labels: [null, []] })).toEqual([]);
});

test('lines are compared one by one, objects by their properties', () => {
  const line = (price: number, more = {}) => ({ productCode: 'P1', productName: 'Pump', price, ...more });
  expect(told('quotation', 'updated', { quotationDetails: [[line(5)], [line(6), { productCode: 'P2', productName: 'Hose', price: 1 }]] })).toEqual([
    ['quotationDetails.price', 'Pump', 5, 6],
    ['quotationDetails', null, { productCode: 'P2', productName: 'Hose', price: 1 }],
  ]);
  expect(told('case', 'duebreached', { due: [{ dateBreached: null, dateDue: 'a' }, { dateBreached: 'b', dateDue: 'a' }] })).toEqual([['due.dateBreached', null, 'b']]);
  expect(told('deal', 'stagechanged', { dealStageId: [1, 2], dealStage: [{ dealStageId: 1, dealStageName: 'Offer' }, { dealStageId: 2, dealStageName: 'Won' }] })).toHaveLength(1);
  expect(nameIn({ dealStageId: 1, boardId: 2, dealStageName: 'Offer' })).toBe('Offer');
  expect(partsOf({ productName: 'Hose', productCode: 'P2', price: 1, unitId: 3, isShipping: null })).toEqual([['price', 1]]);
  // The same product on two lines, of which one goes.
  expect(told('quotation', 'updated', { quotationDetails: [[line(5), line(7)], [line(5)]] })).toEqual([['quotationDetails', line(7), null]]);
});

test('what the form has comes first, in its order', () => {
  const all = changesOf('task', 'updated', { a: [1, 2], dateDue: ['x', 'y'], status: ['open', 'done'], subject: ['s', 't'] });
  expect(inOrder(all, ['dateDue']).map((one) => one.path[0])).toEqual(['dateDue', 'subject', 'status', 'a']);
});

test('both languages know the same words', () => {
  for (const part of ['kinds', 'actions', 'fields', 'values', 'caseTypes'] as const) expect(Object.keys(th[part]).sort()).toEqual(Object.keys(en[part]).sort());
});
