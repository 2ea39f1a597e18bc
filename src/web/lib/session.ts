import { signal } from '@preact/signals';

const STORED = 'stylograph-key';

/** The API key if the server requires one. It is kept for this tab only and sent in request headers only. */
export const apiKey = signal<string | null>(sessionStorage.getItem(STORED));

/** Why the page asks for a key; null while none is needed. */
export const keyWanted = signal<string | null>(null);

/** Sets the key. Data that was refused before loads again, since `apiKey` changes. */
export function setKey(key: string | null): void {
  if (key === null) sessionStorage.removeItem(STORED);
  else sessionStorage.setItem(STORED, key);
  keyWanted.value = null;
  apiKey.value = key;
}

export type Connection = 'ok' | 'lost';

/** Whether the last request reached the server. */
export const connection = signal<Connection>('ok');

/** Counts restored connections: data whose loading failed is loaded again. */
export const returns = signal(0);

const PROBE_MS = 1_000;

/** Probes an unreachable server until it answers. */
export function watchConnection(): () => void {
  const timer = setInterval(async () => {
    if (connection.value === 'ok') return;
    const response = await fetch('/health/live', { cache: 'no-store' }).catch(() => undefined);
    if (!response?.ok) return;
    connection.value = 'ok';
    returns.value++;
  }, PROBE_MS);
  return () => clearInterval(timer);
}

/** Resolves when the server answers again, when the machine is online again, or when the signal aborts. */
export function serverReturns(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const before = returns.value;
    const done = (): void => {
      removeEventListener('online', done);
      unsubscribe();
      resolve();
    };
    const unsubscribe = returns.subscribe((now) => {
      if (now !== before) done();
    });
    addEventListener('online', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
