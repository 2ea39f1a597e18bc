import type { FastifyRequest } from 'fastify';
import type { App } from '../context.ts';
import type { ApiLimits } from '../deps.ts';
import { refuseUnparsed } from './errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Files are sent to it, which take longer to arrive than any other request. */
    takesFiles?: boolean;
  }
}

/** In the form of Node's own time-out, which bounds every request by what files may take. */
const TOO_SLOW = Object.assign(new Error('the request is arriving too slowly'), {
  code: 'ERR_HTTP_REQUEST_TIMEOUT',
});

const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/**
 * Cuts off requests that have not arrived as a whole in time. Files may take longer, but not before it is known that whoever
 * sends them may: until then they are requests like any other.
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
