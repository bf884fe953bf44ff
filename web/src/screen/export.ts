import { Refusal } from '../api/client';

/** Saves a list as a CSV file: the same operation, asked for in that form. */
export async function download(method: string, path: string, body: unknown, name: string): Promise<void> {
  const response = await fetch(path, {
    method,
    headers: { Accept: 'text/csv', 'X-Sala-Console': '1', ...(body ? { 'Content-Type': 'application/json' } : {}) },
    body: body ? JSON.stringify(body) : undefined,
  });
  if (!response.ok) throw new Refusal(response.status, [], null, null);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
