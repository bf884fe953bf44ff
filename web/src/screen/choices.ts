import { useQueries, useQuery, type UseQueryOptions } from '@tanstack/react-query';
import { api, data, may } from '../api/client';
import type { paths } from '../api/schema';
import { lang } from '../i18n';

/** A look-up list of the company. */
export type ListName = paths['/v1/setting/{list}']['get']['parameters']['path']['list'];

/** An entry of a look-up list, as people see it. */
export interface Choice {
  id: number;
  name: string;
  label: string;
  isActive: boolean;
}

type Entries = Awaited<ReturnType<typeof readList>>;
const readList = (list: ListName) => data(api.GET('/v1/setting/{list}', { params: { path: { list } } }));
const query = (list: ListName | undefined) => ({ queryKey: ['setting', list], queryFn: () => readList(list as ListName), enabled: !!list && may('setting:read'), staleTime: 10 * 60_000 }) satisfies UseQueryOptions<Entries>;
const shown = (entries: Entries | undefined): Choice[] => (entries?.value ?? []).map((one) => ({ id: one.id, name: one.name, label: (lang === 'en' && one.nameEn) || one.name, isActive: one.isActive }));

/** The entries of a look-up list, in the person's language. Their names are what records carry. */
export function useChoices(list: ListName | undefined): Choice[] {
  return shown(useQuery(query(list)).data);
}

/** The same of several lists at once. */
export function useLists(lists: readonly ListName[]): Partial<Record<ListName, Choice[]>> {
  const found = useQueries({ queries: lists.map((list) => query(list)) });
  return Object.fromEntries(lists.map((list, at) => [list, shown(found[at]?.data)]));
}
