// One act on several records: a few requests at a time, each failure told by itself, and nothing lost when it is stopped. No
// React here.

/** So many rows are chosen at most. */
export const MOST = 200;
const AT_ONCE = 4;
const TRIES = 4;

/** What became of each row. */
export interface Outcome<T, R> {
  done: readonly (readonly [T, R])[];
  failed: readonly (readonly [T, unknown])[];
  /** Not begun, because it was stopped. */
  left: readonly T[];
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Once more after the time that the server asks for, when it is only busy. */
async function patient<R>(run: () => Promise<R>, wait: (milliseconds: number) => Promise<unknown>): Promise<R> {
  for (let tries = 1; ; tries++) {
    try {
      return await run();
    } catch (error) {
      const { status, retryAfter } = (error ?? {}) as { status?: number; retryAfter?: number | null };
      if ((status !== 429 && status !== 503) || tries >= TRIES) throw error;
      await wait((retryAfter ?? 1) * 1000);
    }
  }
}

/** Does the act to each row, a few at once, in the order of the rows. `told` hears how many are through. */
export async function each<T, R>(rows: readonly T[], run: (row: T) => Promise<R>, told: (through: number) => void = () => {}, isStopped: () => boolean = () => false, wait = pause): Promise<Outcome<T, R>> {
  const done: [T, R][] = [];
  const failed: [T, unknown][] = [];
  let next = 0;
  const work = async () => {
    while (next < rows.length && !isStopped()) {
      const row = rows[next++] as T;
      try {
        done.push([row, await patient(() => run(row), wait)]);
      } catch (error) {
        failed.push([row, error]);
      }
      told(done.length + failed.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { done, failed, left: rows.slice(next) };
}

/** The ids from one row to another, whichever comes first. */
export function between(ids: readonly string[], one: string, other: string): readonly string[] {
  const [a, b] = [ids.indexOf(one), ids.indexOf(other)];
  return a < 0 || b < 0 ? [other] : ids.slice(Math.min(a, b), Math.max(a, b) + 1);
}
