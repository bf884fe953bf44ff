/** A channel account, as `/v1/accounts` tells of it. */
export interface Account {
  id: string;
  platform: string;
  name: string;
  isSandbox: boolean;
  state: string;
  stateReason: string | null;
  latePush: string;
  webhookUrl: string | null;
  quotaLimit: number | null;
  quotaUsed: number | null;
  quotaCheckedAt: number | null;
  lastCallbackAt: number | null;
  createdAt: number;
}

/** What the provider says of an account right now. */
export interface Check {
  token: boolean;
  providerName: string | null;
  providerId: string | null;
  endpoint: string | null;
  isOurs: boolean;
  isUsed: boolean;
  lastCallbackAt: number | null;
  problem: string | null;
  /** What came of LINE's try of the address; only just after it was entered. */
  webhookTest: { success: boolean; status: number; reason: string; detail: string } | null;
  account: Account | null;
}

export const ACCOUNTS = '/v1/accounts';
export const pathOf = (id: string) => `${ACCOUNTS}/${encodeURIComponent(id)}`;

/** Names of products are the same in every language. */
export const platforms: Record<string, string> = { line: 'LINE', messenger: 'Messenger', instagram: 'Instagram', whatsapp: 'WhatsApp', web: 'Web' };

export const stateLook = (state: string) => (state === 'active' ? 'good' : 'bad');

/** How far the connection of an account is: the first step that is not done, from 1; 5 when all four are. */
export function stepOf(account: Account | null, check: Check | undefined): number {
  if (!account) return 1;
  if (!check?.token) return 2;
  if (!check.isOurs || !check.isUsed) return 3;
  if (!check.lastCallbackAt) return 4;
  return 5;
}
