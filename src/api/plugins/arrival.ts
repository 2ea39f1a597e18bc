import type { FastifyRequest } from 'fastify';
import type { App } from '../context.ts';
import type { ApiLimits } from '../deps.ts';
import { refuseUnparsed } from './errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route receives files, which may take longer to arrive than other requests. */
    takesFiles?: boolean;
  }
}

/** Looks like Node's own time-out error, which applies the limit for files to every request. */
const TOO_SLOW = Object.assign(new Error('the request is arriving too slowly'), {
  code: 'ERR_HTTP_REQUEST_TIMEOUT',
});

const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/**
 * Ends requests that have not arrived completely in time. Files may take longer, but only once the client is
 * authenticated: until then the limit for all requests applies.
 */
export function registerArrival(app: App, { requestTimeoutMs }: Pick<ApiLimits, 'requestTimeoutMs'>): void {
  const timers = new WeakMap<FastifyRequest, NodeJS.Timeout>();
  app.addHook('onRequest', async (request) => {
    if (!hasBody(request)) return;
    const { raw } = request;
    const timer = setTimeout(() => {
      if (!raw.complete) refuseUnparsed(TOO_SLOW, raw.socket);
    }, requestTimeoutMs).unref();
    timers.set(request, timer);
    for (const event of ['end', 'close']) raw.once(event, () => clearTimeout(timer));
  });
  app.addHook('preParsing', async (request) => {
    if (request.routeOptions.config.takesFiles) clearTimeout(timers.get(request));
  });
}
