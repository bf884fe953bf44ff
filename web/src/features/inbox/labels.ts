import { call } from '../../api/client';
import type { Entry } from '../../api/types';

/** The labels that a room can have: a look-up list of the company. */
export const listLabels = async (): Promise<Entry[]> => {
  const page = await call<{ value: { id: number; name: string; nameEn?: string | null; isActive?: boolean }[] }>('GET', '/v1/setting/labels');
  return page.value.filter((one) => one.isActive !== false).map((one) => ({ id: one.id, name: one.name, nameEn: one.nameEn }));
};
