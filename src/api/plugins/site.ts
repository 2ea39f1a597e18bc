import type { FastifyRequest } from 'fastify';
import { StylographError } from '../../core/errors.ts';
import type { KeyRing } from '../../platform/keys/index.ts';
import type { App } from '../context.ts';
import type { ApiDeps } from '../deps.ts';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

/** The name in a Host header, without its port. */
const nameOf = (host: string): string => host.replace(/:\d*$/, '').toLowerCase();

function originHost(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/**
 * Whether a page of another site caused the request. Fetch metadata (Sec-Fetch-*) state it; browsers without them send
 * Origin with every request that may change something. Following a link to a page is allowed.
 */
function isCrossSite({ method, headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site === 'cross-site' || site === 'same-site') {
    return !(SAFE.has(method) && headers['sec-fetch-mode'] === 'navigate');
  }
  if (SAFE.has(method) || headers.origin === undefined) return false;
  return originHost(headers.origin) !== headers.host?.toLowerCase();
}

/**
 * Prevents pages of other sites from using this server through a visitor's browser. Such a page knows no key, so
 * requests with a key pass. Requests that need no key, or that carry a cookie, are checked.
 *
 * A server without keys also checks the Host header: an attacker's name may resolve to this machine to pass as the same
 * site (DNS rebinding). It accepts loopback names and `allowedHosts`. Pages of `allowedOrigins` may call.
 */
export function registerSiteGuard(
  app: App,
  keys: KeyRing | undefined,
  { allowedHosts = [], allowedOrigins = [] }: Pick<ApiDeps, 'allowedHosts' | 'allowedOrigins'>,
): void {
  const allowed = new Set(allowedHosts.map((host) => host.toLowerCase()));
  const origins = new Set(allowedOrigins);
  app.addHook('onRequest', async (request) => {
    if (request.headers.authorization !== undefined) return;
    const { origin, cookie } = request.headers;
    // Cookies are only for this server's own pages.
    const isWelcome = origin !== undefined && origins.has(origin) && cookie === undefined;
    if (isCrossSite(request) && !isWelcome) {
      throw new StylographError(
        'cross_site',
        'This call came from a page of another site. Call the API from a program with a key, or use its own dashboard.',
      );
    }
    const name = nameOf(request.headers.host ?? '');
    if (name === '' || LOOPBACK.test(name) || allowed.has(name) || (await keys?.required())) return;
    throw new StylographError(
      'cross_site',
      `A server without keys does not accept the host name "${name}". Use localhost, add the name to ALLOWED_HOSTS, or set API_KEYS.`,
    );
  });
}
