import type { Parcel, Shelf } from './outbox';

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB failed'));
  });
}

/** A shelf in the browser's database, for one person: what another has left on this machine is not theirs to send. */
export function shelfOf(user: string): Shelf {
  let opened: Promise<IDBDatabase> | null = null;
  const table = async (mode: IDBTransactionMode) => {
    opened ??= (() => {
      const request = indexedDB.open('sala', 1);
      request.onupgradeneeded = () => request.result.createObjectStore('outbox', { keyPath: 'id' });
      return done(request);
    })();
    return (await opened).transaction('outbox', mode).objectStore('outbox');
  };
  return {
    all: async () => (await done<Parcel[]>((await table('readonly')).getAll())).filter((parcel) => parcel.user === user),
    put: async (parcel) => void (await done((await table('readwrite')).put(parcel))),
    remove: async (id) => void (await done((await table('readwrite')).delete(id))),
  };
}
