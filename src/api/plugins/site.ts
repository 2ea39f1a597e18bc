import type { FastifyRequest } from 'fastify';
import { StylographError } from '../../core/errors.ts';
import type { KeyRing } from '../../platform/keys/index.ts';
import type { App } from '../context.ts';
import type { ApiDeps } from '../deps.ts';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

/** The name in a Host header or an origin, without its port. */
const nameOf = (host: string): string => host.replace(/:\d*$/, '').toLowerCase();

function originHost(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/**
 * Whether a browser sends this for a page of another site. Fetch metadata (Sec-Fetch-*) say so themselves; browsers
 * without them send Origin with whatever changes something. Following a link to a page is fine.
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
 * Keeps pages of other sites from using this server through the browser of somebody who can reach it. A request
 * with a key cannot be such a page's, since it does not know the key; one that a browser's position (a server
 * without keys on this machine) or its cookies let in can.
 *
 * @param allowed hosts: names besides loopback ones by which a server without keys may be called; another name may be
 *   an attacker's, who has it resolve to this machine to pass for the same site (DNS rebinding). Origins: other sites
 *   whose pages may call
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
    // A session is the dashboard's alone.
    const isWelcome = origin !== undefined && origins.has(origin) && cookie === undefined;
    if (isCrossSite(request) && !isWelcome) {
      throw new StylographError(
        'cross_site',
        'This call came from a page of another site. Call the API from a program with a key, or open its own dashboard.',
      );
    }
    const name = nameOf(request.headers.host ?? '');
    if (name === '' || LOOPBACK.test(name) || allowed.has(name) || (await keys?.required())) return;
    throw new StylographError(
      'cross_site',
      `A server without keys does not answer as "${name}". Call it as localhost, name the host in ALLOWED_HOSTS, or set API_KEYS.`,
    );
  });
}
