import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../../platform/keys/index.ts';
import type { Sessions } from '../../platform/keys/sessions.ts';
import type { App, RouteDeps } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { problems } from '../problem.ts';
import { type LazyBoard, lazyBoard } from '../queue-board.ts';
import { empty, NoQuery } from '../schemas.ts';

const PREFIX = '/queues';
const SESSION = `${PREFIX}/session`;
const COOKIE = 'stylograph_queues';

/** Bull Board, for operators. A browser cannot send a key when it opens a page, so it uses a session cookie there. */
export async function queueRoutes(app: App, { queues, sessions }: RouteDeps): Promise<void> {
  if (queues === undefined || sessions === undefined) return;
  const board = lazyBoard(queues, PREFIX);
  app.addHook('onClose', () => board.close());
  openQueues(app, sessions);
  closeQueues(app, sessions);
  await app.register(async (scope) => boardRoutes(scope, board));
}

function openQueues(app: App, sessions: Sessions): void {
  app.post(
    SESSION,
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'openQueues',
        tags: ['operations'],
        summary: 'Open a browser session for /queues',
        description:
          'Sets a cookie that replaces the key at `/queues` only, for an hour or until the key ends.',
        querystring: NoQuery,
        response: { 204: empty('The cookie is set.'), ...problems('redis_unavailable') },
        'x-doc': { headers: ['Set-Cookie'] },
      },
    },
    async (request, reply) => {
      const { caller } = request;
      // A server without keys shows the queues to everyone, so no session is needed.
      if (caller !== null) setCookie(request, reply, await sessions.open(caller.id), sessions.seconds);
      return reply.code(204).send();
    },
  );
}

function closeQueues(app: App, sessions: Sessions): void {
  app.delete(
    SESSION,
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'closeQueues',
        tags: ['operations'],
        summary: 'Close the browser session for /queues',
        querystring: NoQuery,
        response: { 204: empty('The cookie is no longer valid.'), ...problems('redis_unavailable') },
      },
    },
    async (request, reply) => {
      const token = tokenOf(request);
      if (token !== undefined) await sessions.close(token);
      setCookie(request, reply, '', 0);
      return reply.code(204).send();
    },
  );
}

function boardRoutes(app: App, board: LazyBoard): void {
  // The board reads bodies itself.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  const handOver = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    // Without this, methods that the session route lacks would reach the board.
    if (request.url.split('?')[0] === SESSION) {
      reply.callNotFound();
      return;
    }
    const show = await board.open();
    // A disconnected client's call is not handed over, since the board's answer would reach no hook of this application.
    if (reply.raw.destroyed) return;
    reply.hijack();
    show(request.raw, reply.raw);
  };
  for (const url of [PREFIX, `${PREFIX}/*`]) {
    app.route({
      method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      url,
      config: { scope: 'admin', produces: ['text/html', 'application/json', '*/*'] },
      schema: { hide: true },
      handler: handOver,
    });
  }
}

/** The caller who opened the session whose cookie comes with a request for the board. */
export async function sessionCaller(
  { sessions, keys }: Pick<ApiDeps, 'sessions' | 'keys'>,
  request: FastifyRequest,
): Promise<Caller | undefined> {
  if (sessions === undefined || !request.routeOptions.url?.startsWith(PREFIX)) return undefined;
  const token = tokenOf(request);
  const keyId = token === undefined ? undefined : await sessions.find(token);
  return keyId === undefined ? undefined : await keys?.byId(keyId);
}

const tokenOf = ({ headers }: FastifyRequest): string | undefined =>
  new RegExp(`(?:^|;\\s*)${COOKIE}=([\\w-]{43})(?:;|$)`).exec(headers.cookie ?? '')?.[1];

/** Scripts cannot read the cookie, other sites cannot have it sent, and other paths of the API do not accept it. */
function setCookie(request: FastifyRequest, reply: FastifyReply, token: string, seconds: number): void {
  const secure = request.protocol === 'https' ? '; Secure' : '';
  reply.header(
    'set-cookie',
    `${COOKIE}=${token}; Path=${PREFIX}; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`,
  );
}
