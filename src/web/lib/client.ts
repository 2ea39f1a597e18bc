import {
  everyItem,
  type Page,
  type PageOptions,
  StylographClient,
  StylographProblem,
} from '../../client/index.ts';
import { apiKey, connection, keyWanted } from './session.ts';

/** Statuses of a proxy whose server is unreachable. */
const isUnreachable = (status: number): boolean => status === 502 || status === 504;

/** `fetch` that keeps the connection's state and asks for a key after 401. */
async function observedFetch(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(input, init);
  } catch (error) {
    if (!isAbort(error)) connection.value = 'lost';
    throw error;
  }
  connection.value = isUnreachable(response.status) ? 'lost' : 'ok';
  if (response.status === 401) {
    keyWanted.value =
      apiKey.value === null ? 'This server requires an API key.' : 'The server rejected this key.';
  }
  return response;
}

/** The client of the server that serves this page. Pages reload failed data themselves, so calls are not retried. */
export const client = new StylographClient({
  url: location.origin,
  apiKey: () => apiKey.value ?? undefined,
  fetch: observedFetch,
  retries: 0,
});

/** All items of a list, read page by page. */
export async function listAll<T>(
  list: (page: PageOptions) => Promise<Page<T>>,
  signal: AbortSignal,
): Promise<T[]> {
  const items: T[] = [];
  for await (const item of everyItem((cursor) => list({ cursor, limit: 200, signal }))) items.push(item);
  return items;
}

/** The message to show for an error. */
export function messageOf(error: unknown): string {
  if (error instanceof StylographProblem && (error.code === 'unreachable' || error.code === 'timeout')) {
    return 'The server does not answer. This page retries automatically.';
  }
  return error instanceof Error ? error.message : String(error);
}

export const isAbort = (error: unknown): boolean =>
  (error as { name?: string } | null)?.name === 'AbortError';
