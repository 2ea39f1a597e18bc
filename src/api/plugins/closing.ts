import { StylographError } from '../../core/errors.ts';
import type { App } from '../context.ts';

const CHECK_MS = 25;
/** Time in which a client finds another server, or this one has restarted. */
const RETRY_SECONDS = 2;

/**
 * While the application closes, finishes requests in progress and rejects new ones on open connections. When no request
 * is left, it ends the remaining connections. Node would wait a minute for connections that never sent a request, such
 * as those that browsers open in advance.
 */
export function registerClosing(app: App): void {
  let answering = 0;
  let isClosing = false;
  app.addHook('onRequest', async ({ url }, reply) => {
    answering++;
    reply.onCallEnd(() => answering--);
    if (!isClosing || url.startsWith('/health/')) return;
    throw new StylographError(
      'shutting_down',
      'The server is shutting down. Retry in a moment, or use another server.',
      { retryAfter: RETRY_SECONDS },
    );
  });
  app.addHook('preClose', async () => {
    isClosing = true;
    const timer = setInterval(() => {
      if (answering === 0) app.server.closeAllConnections();
    }, CHECK_MS).unref();
    app.server.once('close', () => clearInterval(timer));
  });
}
