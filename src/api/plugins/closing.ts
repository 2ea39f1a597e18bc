import { StylographError } from '../../core/errors.ts';
import type { App } from '../context.ts';
import { onceOver } from './over.ts';

const CHECK_MS = 25;
/** Seconds after which a client finds another server, or this one started again. */
const RETRY_SECONDS = 2;

/**
 * Once closing has begun, requests that were there are answered, and those that still come over open connections are told
 * to go elsewhere. When no request is being answered any more, ends the connections that are left. Node counts one that
 * has never sent a request as busy, as browsers hold in reserve, and would wait a minute for it.
 */
export function registerClosing(app: App): void {
  let answering = 0;
  let isClosing = false;
  app.addHook('onRequest', async ({ url }, reply) => {
    answering++;
    onceOver(reply, () => answering--);
    if (!isClosing || url.startsWith('/health/')) return;
    throw new StylographError(
      'shutting_down',
      'The server is shutting down. Ask another one, or this one in a moment.',
      {
        retryAfter: RETRY_SECONDS,
      },
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
