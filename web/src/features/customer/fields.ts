import type { FieldSpec } from '../../screen/Form';
import { words } from '../../i18n';

const options = (texts: Record<number, string>) => Object.entries(texts).map(([value, label]) => ({ value: Number(value), label }));

/** The properties of a customer that people see and change. */
export function customerFields(): FieldSpec[] {
  const t = words('customer');
  return [
    { id: 'customerCode', label: t.code, fixed: true },
    { id: 'customerName', label: t.name, required: true },
    { id: 'customer2ndName', label: t.secondName },
    { id: 'customerState', label: t.state, kind: 'choice', required: true, options: options(t.states) },
    { id: 'customerStatus', label: t.status, kind: 'choice', options: options(t.statuses) },
    { id: 'leadStatus', label: t.lead, kind: 'choice', options: options(t.leads) },
    { id: 'unqulifiedReasonName', label: t.reason, kind: 'choice', list: 'unqualified-reasons' },
    { id: 'unqulifiedReasonNote', label: t.reasonNote },
    { id: 'customerType', label: t.type, kind: 'choice', options: options(t.types) },
    { id: 'customerMobile', label: t.mobile, kind: 'phone' },
    { id: 'customerPhone', label: t.phone, kind: 'phone' },
    { id: 'customerEmail', label: t.email, kind: 'email' },
    { id: 'customerTaxNo', label: t.tax },
    { id: 'branchCode', label: t.branch },
    { id: 'customerGroupName', label: t.group, kind: 'choice', list: 'customer-groups' },
    { id: 'sourceName', label: t.source, kind: 'choice', list: 'sources' },
    { id: 'classificationName', label: t.classification, kind: 'choice', list: 'classifications' },
    { id: 'customerPosition', label: t.position },
    { id: 'customerBirthdate', label: t.birthdate, kind: 'date' },
    { id: 'customerTags', label: t.tags, kind: 'list', list: 'tags' },
    { id: 'interestsName', label: t.interests, kind: 'list', list: 'interests' },
    { id: 'owners', label: t.owners, kind: 'people' },
    { id: 'customerAliases', label: t.aliases, kind: 'list' },
    { id: 'customerNote', label: t.note, kind: 'area' },
  ];
}
