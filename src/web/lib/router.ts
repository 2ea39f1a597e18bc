import { signal } from '@preact/signals';

/**
 * Addresses are in the fragment, since paths such as /runs/… belong to the API. `#/runs/run_1?tab=x` has the path
 * `/runs/run_1` and one parameter.
 */
export interface Route {
  path: string[];
  query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  return { path: path.split('/').filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
}

export const route = signal<Route>(parseRoute(location.hash));
addEventListener('hashchange', () => {
  route.value = parseRoute(location.hash);
});

type Query = Record<string, string | number | null | undefined>;

/** An address within the dashboard; null and empty parameters are omitted. */
export function href(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value != null && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `#${path}${text && `?${text}`}`;
}

export function navigate(address: string): void {
  location.hash = address;
}

/** Replaces the address without adding a history entry. */
export function replaceAddress(address: string): void {
  if (location.hash === address) return;
  history.replaceState(null, '', address);
  route.value = parseRoute(address);
}
