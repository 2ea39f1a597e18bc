import type { Tracing } from '../../platform/telemetry/trace.ts';
import type { App } from '../context.ts';
import { onceOver } from './over.ts';

/** Probes and scrapes would drown everything else. */
const UNTRACED = /^\/(health\/|metrics$)/;

/** A span for each call. Register before any other hook, so that all of them belong to it. */
export function registerTracing(app: App, tracing: Pick<Tracing, 'startRequest'> | undefined): void {
  if (tracing === undefined) return;
  app.addHook('onRequest', (request, reply, done) => {
    if (UNTRACED.test(request.routeOptions.url ?? '')) {
      done();
      return;
    }
    const span = tracing.startRequest(request.method, request.headers);
    onceOver(reply, (status) => span.end(request.is404 ? undefined : request.routeOptions.url, status));
    span.enter(done);
  });
}
