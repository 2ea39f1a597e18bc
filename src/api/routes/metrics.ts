import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { problems } from '../problem.ts';
import { NoQuery } from '../schemas.ts';
import type { App } from './context.ts';

const TEXT = 'text/plain';

export async function metricsRoutes(app: App, { meter }: ApiDeps): Promise<void> {
  if (meter === undefined) return;
  app.get(
    '/metrics',
    {
      config: { produces: [TEXT] },
      schema: {
        operationId: 'getMetrics',
        tags: ['operations'],
        summary: 'Measurements for Prometheus',
        description:
          'Of this server, its inference process, the queue, and the runs in training wherever they train.',
        querystring: NoQuery,
        response: {
          200: { description: "Prometheus's text format.", content: { [TEXT]: { schema: z.string() } } },
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
