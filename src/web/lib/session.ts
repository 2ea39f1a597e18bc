import { signal } from '@preact/signals';

const STORED = 'stylograph-key';

/** The API key, where the server asks for one. It lives as long as the tab, and in request headers only. */
export const apiKey = signal<string | null>(sessionStorage.getItem(STORED));

/** Why a key is asked for; null while none is needed. */
export const keyWanted = signal<string | null>(null);

/** Takes a key; whatever was refused before loads again, since `apiKey` changes. */
export function setKey(key: string | null): void {
  if (key === null) sessionStorage.removeItem(STORED);
  else sessionStorage.setItem(STORED, key);
  keyWanted.value = null;
  apiKey.value = key;
}

export type Connection = 'ok' | 'lost';

/** Whether the server answered lately. */
export const connection = signal<Connection>('ok');

/** Counts the returns of a lost connection: what failed meanwhile is loaded again. */
export const returns = signal(0);

const PROBE_MS = 1_000;

/** Asks a server that is away until it answers again. */
export function mendConnection(): () => void {
  const timer = setInterval(async () => {
    if (connection.value === 'ok') return;
    const response = await fetch('/health/live', { cache: 'no-store' }).catch(() => undefined);
    if (!response?.ok) return;
    connection.value = 'ok';
    returns.value++;
  }, PROBE_MS);
  return () => clearInterval(timer);
}
