import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../../platform/keys/index.ts';
import type { ApiDeps } from '../deps.ts';
import { problems } from '../problem.ts';
import { lazyBoard } from '../queue-board.ts';
import { empty, NoQuery } from '../schemas.ts';
import type { App } from './context.ts';

const PREFIX = '/queues';
const SESSION = `${PREFIX}/session`;
const COOKIE = 'stylograph_queues';

const tokenOf = ({ headers }: FastifyRequest): string | undefined =>
  new RegExp(`(?:^|;\\s*)${COOKIE}=([\\w-]{43})(?:;|$)`).exec(headers.cookie ?? '')?.[1];

/** Scripts cannot read it, other sites cannot have it sent, and no other part of the API takes it. */
function setCookie(request: FastifyRequest, reply: FastifyReply, token: string, seconds: number): void {
  const secure = request.protocol === 'https' ? '; Secure' : '';
  reply.header(
    'set-cookie',
    `${COOKIE}=${token}; Path=${PREFIX}; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`,
  );
}

/** Who has opened the session whose cookie comes with a request for the board. */
export async function sessionCaller(
  { sessions, keys }: ApiDeps,
  request: FastifyRequest,
): Promise<Caller | undefined> {
  if (sessions === undefined || !request.routeOptions.url?.startsWith(PREFIX)) return undefined;
  const token = tokenOf(request);
  const keyId = token === undefined ? undefined : await sessions.find(token);
  return keyId === undefined ? undefined : await keys?.byId(keyId);
}

/** Bull Board, for operators. A browser cannot send a key when it opens a page, so a session stands for it there. */
export async function queueRoutes(app: App, deps: ApiDeps): Promise<void> {
  const { queues, sessions } = deps;
  if (queues === undefined || sessions === undefined) return;
  const board = lazyBoard(queues, PREFIX);
  app.addHook('onClose', () => board.close());
  const session = { scope: 'admin' } as const;

  app.post(
    SESSION,
    {
      config: session,
      schema: {
        operationId: 'openQueues',
        tags: ['operations'],
        summary: 'Let this browser see the queues',
        description:
          'Sets a cookie that stands for the key at `/queues` and nowhere else, for an hour or until the key ends.',
        querystring: NoQuery,
        response: { 204: empty('The cookie is set.'), ...problems('redis_unavailable') },
        'x-doc': { headers: ['Set-Cookie'] },
      },
    },
    async (request, reply) => {
      // Without keys everybody may see them anyway.
      const { caller } = request;
      if (caller !== null) setCookie(request, reply, await sessions.open(caller.id), sessions.seconds);
      return reply.code(204).send();
    },
  );

  app.delete(
    SESSION,
    {
      config: session,
      schema: {
        operationId: 'closeQueues',
        tags: ['operations'],
        summary: 'End what openQueues began',
        querystring: NoQuery,
        response: { 204: empty('The cookie is worth nothing any more.'), ...problems('redis_unavailable') },
      },
    },
    async (request, reply) => {
      const token = tokenOf(request);
      if (token !== undefined) await sessions.close(token);
      setCookie(request, reply, '', 0);
      return reply.code(204).send();
    },
  );

  await app.register(async (scope) => {
    // The board reads bodies itself.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    const handOver = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      // The board would take it for one of its own.
      if (request.url.split('?')[0] === SESSION) {
        reply.callNotFound();
        return;
      }
      const show = await board.open();
      // Who has left is not handed over: nobody here would hear what became of the call.
      if (reply.raw.destroyed) return;
      reply.hijack();
      show(request.raw, reply.raw);
    };
    for (const url of [PREFIX, `${PREFIX}/*`]) {
      scope.route({
        method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
        url,
        config: { scope: 'admin', produces: ['text/html', 'application/json', '*/*'] },
        schema: { hide: true },
        handler: handOver,
      });
    }
  });
}
