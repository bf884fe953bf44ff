import { Refusal, type Fault } from '../api/client';

/** Saves the answer of an operation as a file: a list as CSV or XLSX, a document as PDF. */
export async function fetchFile(method: string, path: string, body: unknown, name: string, kind: string): Promise<void> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: { Accept: kind, 'X-Sala-Console': '1', ...(body ? { 'Content-Type': 'application/json' } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    });
  } catch {
    throw new Refusal(0, [], null, null);
  }
  if (!response.ok) {
    const envelope = (await response.json().catch(() => null)) as { errors?: Fault[]; traceId?: string } | null;
    throw new Refusal(response.status, envelope?.errors ?? [], envelope?.traceId ?? null, null);
  }
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Saves a list as a CSV file: the same operation, asked for in that form. */
export const download = (method: string, path: string, body: unknown, name: string): Promise<void> => fetchFile(method, path, body, name, 'text/csv');

/** The same as a workbook. */
export const downloadSheet = (method: string, path: string, body: unknown, name: string): Promise<void> =>
  fetchFile(method, path, body, name, 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet');
