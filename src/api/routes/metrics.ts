import { z } from 'zod';
import type { App, RouteDeps } from '../context.ts';
import { problems } from '../problem.ts';
import { NoQuery } from '../schemas.ts';

const TEXT = 'text/plain';

export function metricsRoutes(app: App, { meter }: RouteDeps): void {
  if (meter === undefined) return;
  app.get(
    '/metrics',
    {
      config: { produces: [TEXT] },
      schema: {
        operationId: 'getMetrics',
        tags: ['operations'],
        summary: 'Metrics for Prometheus',
        description:
          'Metrics of this server, its inference process, the queue, and all runs in training, on any worker.',
        querystring: NoQuery,
        response: {
          200: { description: 'The Prometheus text format.', content: { [TEXT]: { schema: z.string() } } },
          ...problems(),
        },
        'x-doc': { headers: ['Cache-Control'] },
      },
    },
    async (_request, reply) => {
      const text = await meter.text();
      return reply.header('cache-control', 'no-store').type(meter.contentType).send(text);
    },
  );
}
