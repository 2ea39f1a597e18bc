import type { App } from '../context.ts';
import type { Meter } from '../deps.ts';
import { onceOver } from './over.ts';

/** How an address that no route has is told: whatever clients make up must not make new series. */
const UNKNOWN = 'unknown';
/** What stands for a status where the client left before there was one, as nginx writes it. */
const LEFT = 499;

/** Measures every call by its route's pattern, those that their clients gave up too. Register before any route. */
export function registerMetering(app: App, meter: Meter | undefined): void {
  if (meter === undefined) return;
  app.addHook('onRequest', async (request, reply) => {
    onceOver(reply, (status = LEFT) => {
      if (String(reply.getHeader('content-type')).startsWith('text/event-stream')) return;
      const route = request.is404 ? UNKNOWN : (request.routeOptions.url ?? UNKNOWN);
      const method = request.is404 ? UNKNOWN : request.method;
      meter.httpRequest({ method, route, status }, reply.elapsedTime / 1000);
    });
  });
}
