import { call } from '../../api/client';
import type { Role } from '../../api/types';

/** The labels that a room can have: a look-up list of the company. */
export const listLabels = async (): Promise<Role[]> => {
  const page = await call<{ value: { id: number | string; name: string; nameEn?: string | null; isActive?: boolean }[] }>('GET', '/v1/setting/labels');
  return page.value.filter((one) => one.isActive !== false).map((one) => ({ id: String(one.id), name: one.name, nameEn: one.nameEn }));
};
