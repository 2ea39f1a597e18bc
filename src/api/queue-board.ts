import type { IncomingMessage, ServerResponse } from 'node:http';
import fastify from 'fastify';
import type { ApiDeps } from './deps.ts';

type Queues = NonNullable<ApiDeps['queues']>;
type Board = (request: IncomingMessage, response: ServerResponse) => void;

/** Content security policy of the board's page: scripts from this server only. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** A separate Fastify application that shows the queues at `prefix`. It checks no keys: its caller has done so. */
async function buildBoard(queues: Queues, prefix: string) {
  const [{ createBullBoard }, { BullMQAdapter }, { FastifyAdapter }] = await Promise.all([
    import('@bull-board/api'),
    import('@bull-board/api/bullMQAdapter'),
    import('@bull-board/fastify'),
  ]);
  const adapter = new FastifyAdapter();
  createBullBoard({
    queues: queues().map((queue) => new BullMQAdapter(queue)),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'Stylograph' } },
  });
  adapter.setBasePath(prefix);
  const app = fastify({ logger: false });
  app.addHook('onSend', async (_request, reply) => {
    reply
      .header('content-security-policy', PAGE_POLICY)
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'no-referrer')
      .header('cache-control', 'no-store');
  });
  await app.register(adapter.registerPlugin(), { prefix });
  await app.ready();
  return app;
}

export interface LazyBoard {
  open(): Promise<Board>;
  close(): Promise<void>;
}

/** The board, built at the first request for it, since few servers ever show it. */
export function lazyBoard(queues: Queues, prefix: string): LazyBoard {
  let built: ReturnType<typeof buildBoard> | undefined;
  return {
    open: async () => {
      built ??= buildBoard(queues, prefix);
      const app = await built;
      return (request, response) => app.routing(request, response);
    },
    close: async () => {
      await (await built)?.close();
    },
  };
}
