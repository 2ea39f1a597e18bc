import { z } from 'zod';
import type { App, RouteDeps } from '../context.ts';
import { problems } from '../problem.ts';
import { Readiness, readinessOf } from '../readiness.ts';
import { json, NoQuery } from '../schemas.ts';

export function healthRoutes(app: App, deps: RouteDeps): void {
  isLive(app, deps);
  isReady(app, deps);
}

const Live = z.strictObject({ status: z.literal('live'), version: z.string() }).meta({ id: 'Live' });

function isLive(app: App, { version }: RouteDeps): void {
  app.get(
    '/health/live',
    {
      config: { scope: 'public' },
      schema: {
        operationId: 'isLive',
        tags: ['operations'],
        summary: 'Whether the process answers',
        querystring: NoQuery,
        response: { 200: json(Live, 'It answers.'), ...problems() },
      },
    },
    async () => ({ status: 'live' as const, version }),
  );
}

function isReady(app: App, deps: RouteDeps): void {
  app.get(
    '/health/ready',
    {
      config: { scope: 'public' },
      schema: {
        operationId: 'isReady',
        tags: ['operations'],
        summary: 'Whether everything that requests may need is available',
        querystring: NoQuery,
        response: {
          200: json(Readiness, 'Ready. A server without any model is ready, too.'),
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
