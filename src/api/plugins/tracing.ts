import type { Tracing } from '../../platform/telemetry/trace.ts';
import type { App } from '../context.ts';

/** Probes and scrapes are so frequent that they would hide all other traces. */
const UNTRACED = /^\/(health\/|metrics$)/;

/** Starts a span per call. Register before all other hooks, so that they run within the span. */
export function registerTracing(app: App, tracing: Pick<Tracing, 'startRequest'> | undefined): void {
  if (tracing === undefined) return;
  app.addHook('onRequest', (request, reply, done) => {
    if (UNTRACED.test(request.routeOptions.url ?? '')) {
      done();
      return;
    }
    const span = tracing.startRequest(request.method, request.headers);
    reply.onCallEnd((status) => span.end(request.is404 ? undefined : request.routeOptions.url, status));
    span.enter(done);
  });
}
