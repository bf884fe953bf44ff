import { useQuery } from '@tanstack/react-query';
import { api, data, may } from '../api/client';
import type { paths } from '../api/schema';
import { lang } from '../i18n';

/** A look-up list of the company. */
export type ListName = paths['/v1/setting/{list}']['get']['parameters']['path']['list'];

/** The entries of a look-up list, in the person's language. Their names are what records carry. */
export function useChoices(list: ListName | undefined): { id: number; name: string; label: string; isActive: boolean }[] {
  const found = useQuery({
    queryKey: ['setting', list],
    queryFn: () => data(api.GET('/v1/setting/{list}', { params: { path: { list: list as ListName } } })),
    enabled: !!list && may('setting:read'),
    staleTime: 10 * 60_000,
  });
  return (found.data?.value ?? []).map((one) => ({ id: one.id, name: one.name, label: (lang === 'en' && one.nameEn) || one.name, isActive: one.isActive }));
}
