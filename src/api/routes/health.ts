import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { problems } from '../problem.ts';
import { Readiness, readinessOf } from '../readiness.ts';
import { json, NoQuery } from '../schemas.ts';
import type { App } from './context.ts';

const Live = z.strictObject({ status: z.literal('live'), version: z.string() }).meta({ id: 'Live' });
export async function healthRoutes(app: App, deps: ApiDeps): Promise<void> {
  app.get(
    '/health/live',
    {
      config: { scope: 'public' },
      schema: {
        operationId: 'isLive',
        tags: ['operations'],
        summary: 'Whether the process answers',
        querystring: NoQuery,
        response: { 200: json(Live, 'It does.'), ...problems() },
      },
    },
    async () => ({ status: 'live' as const, version: deps.version }),
  );

  app.get(
    '/health/ready',
    {
      config: { scope: 'public' },
      schema: {
        operationId: 'isReady',
        tags: ['operations'],
        summary: 'Whether everything a request may need is there',
        querystring: NoQuery,
        response: {
          200: json(Readiness, 'Ready; also with no model at all.'),
          ...problems(),
          503: json(Readiness, 'Not ready, with the reasons.'),
        },
      },
    },
    async (_request, reply) => {
      const readiness = await readinessOf(deps);
      reply.header('cache-control', 'no-store');
      return reply.code(readiness.status === 'ready' ? 200 : 503).send(readiness);
    },
  );
}
