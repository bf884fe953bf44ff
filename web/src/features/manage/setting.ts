import { useQuery } from '@tanstack/react-query';
import { exchange } from '../../api/client';
import type { Values } from '../../screen/Form';

/** The company's profile and rules, with their version. */
export function useSetting() {
  return useQuery({
    queryKey: ['setting', 'company'],
    queryFn: async () => {
      const answer = await exchange<Values & { setting?: Values }>('GET', '/v1/setting');
      // The properties beyond name and time zone lie in `setting`.
      return { values: { ...answer.data, ...answer.data.setting } as Values, version: answer.version };
    },
  });
}
