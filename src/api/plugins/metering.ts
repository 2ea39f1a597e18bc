import type { FastifyInstance } from 'fastify';
import type { Meter } from '../deps.ts';

/** How an address that no route has is told: whatever clients make up must not make new series. */
const UNKNOWN = 'unknown';

/** Measures every answer by its route's pattern. Register before any route. */
export function registerMetering(app: FastifyInstance, meter: Meter | undefined): void {
  if (meter === undefined) return;
  app.addHook('onResponse', async (request, reply) => {
    if (String(reply.getHeader('content-type')).startsWith('text/event-stream')) return;
    const route = request.is404 ? UNKNOWN : (request.routeOptions.url ?? UNKNOWN);
    const method = request.is404 ? UNKNOWN : request.method;
    meter.httpRequest({ method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
  });
}
