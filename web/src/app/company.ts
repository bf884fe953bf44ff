// The company of whoever signed in here last: its sign-in page is shown the next time.

const KEY = 'sala.company';

/** The number, or nothing. */
export function kept(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** Keeps it. */
export function keep(id: number): void {
  try {
    localStorage.setItem(KEY, String(id));
  } catch {
    // Without storage the address has to name it: /console/?company=507
  }
}
