import accepts from '@fastify/accepts';
import type { FastifyRequest } from 'fastify';
import { StylographError } from '../../core/errors.ts';
import type { App } from '../context.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Media types of the route's answers, the default first; `application/json` when not given. */
    produces?: readonly string[];
  }
  interface FastifyRequest {
    /** The media type of the answer, as negotiated. */
    answerType: string;
  }
}

/** `?format=` is for clients that cannot set a header. It overrides Accept. */
const FORMATS: Record<string, string> = { png: 'image/png', json: 'application/json' };

/** Provides `request.answerType`; negotiateHook sets it. */
export async function registerNegotiation(app: App): Promise<void> {
  await app.register(accepts);
  app.decorateRequest('answerType', '');
}

/** Chooses the media type of each answer on the routes of `app`, before any work is done. @throws not_acceptable */
export function negotiateHook(app: App): void {
  app.addHook('onRequest', async (request, reply) => {
    const produces = request.routeOptions.config.produces ?? ['application/json'];
    request.answerType = choose(request, produces);
    // CORS may have set the header already.
    if (produces.length > 1)
      reply.header('vary', [reply.getHeader('vary'), 'Accept'].filter(Boolean).join(', '));
  });
}

function choose(request: FastifyRequest, produces: readonly string[]): string {
  const { format } = request.query as { format?: string };
  const named = typeof format === 'string' ? FORMATS[format] : undefined;
  if (named !== undefined && produces.includes(named)) return named;
  const type = request.accepts().type([...produces]);
  if (typeof type === 'string') return type;
  throw new StylographError(
    'not_acceptable',
    `This call can answer with ${produces.join(' or ')}; accept one of these media types.`,
  );
}
