import type { App } from '../context.ts';
import type { Meter } from '../deps.ts';

/** Route label of unknown paths: made-up paths must not create new series. */
const UNKNOWN = 'unknown';
/** Status label, as in nginx, when the client disconnected before there was a status. */
const CLIENT_CLOSED = 499;

/** Measures every call by its route's pattern, including calls that clients abandoned. Register before any route. */
export function registerMetering(app: App, meter: Meter | undefined): void {
  if (meter === undefined) return;
  app.addHook('onRequest', async (request, reply) => {
    reply.onCallEnd((status = CLIENT_CLOSED) => {
      if (String(reply.getHeader('content-type')).startsWith('text/event-stream')) return;
      const route = request.is404 ? UNKNOWN : (request.routeOptions.url ?? UNKNOWN);
      const method = request.is404 ? UNKNOWN : request.method;
      meter.httpRequest({ method, route, status }, reply.elapsedTime / 1000);
    });
  });
}
