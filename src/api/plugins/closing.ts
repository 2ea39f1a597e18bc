import type { FastifyInstance } from 'fastify';

const CHECK_MS = 25;

/**
 * Once closing has begun and no request is being answered any more, ends the connections that are left. Node counts
 * one that has never sent a request as busy, as browsers hold in reserve, and would wait a minute for it.
 */
export function registerClosing(app: FastifyInstance): void {
  let answering = 0;
  app.addHook('onRequest', async () => {
    answering++;
  });
  app.addHook('onResponse', async () => {
    answering--;
  });
  app.addHook('preClose', async () => {
    const timer = setInterval(() => {
      if (answering === 0) app.server.closeAllConnections();
    }, CHECK_MS).unref();
    app.server.once('close', () => clearInterval(timer));
  });
}
