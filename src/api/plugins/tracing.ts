import type { FastifyInstance } from 'fastify';
import type { RequestSpan, Tracing } from '../../observe/trace.ts';

declare module 'fastify' {
  interface FastifyRequest {
    span: RequestSpan | null;
  }
}

/** Probes and scrapes would drown everything else. */
const UNTRACED = /^\/(health\/|metrics$)/;

/** A span for each call. Register before any other hook, so that all of them belong to it. */
export function registerTracing(
  app: FastifyInstance,
  tracing: Pick<Tracing, 'startRequest'> | undefined,
): void {
  if (tracing === undefined) return;
  app.decorateRequest('span', null);
  app.addHook('onRequest', (request, _reply, done) => {
    if (UNTRACED.test(request.routeOptions.url ?? '')) {
      done();
      return;
    }
    request.span = tracing.startRequest(request.method, request.headers);
    request.span.enter(done);
  });
  app.addHook('onResponse', async (request, reply) => {
    request.span?.end(request.is404 ? undefined : request.routeOptions.url, reply.statusCode);
  });
}
