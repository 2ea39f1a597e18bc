import { z } from 'zod';
import { WebhookDelivery } from '../../core/contracts/webhook.ts';
import type { ApiDeps } from '../deps.ts';
import { problems } from '../problem.ts';
import { json, NoQuery, page, queryInt, withDefault } from '../schemas.ts';
import type { App } from './context.ts';
import { RunParams } from './runs.ts';

const Sent = z
  .strictObject({ id: z.string().meta({ description: 'The `webhook-id` that the call will have.' }) })
  .meta({ id: 'WebhookTest' });

export async function webhookRoutes(app: App, { runs, webhooks }: ApiDeps): Promise<void> {
  if (webhooks === undefined) return;

  app.post(
    '/runs/:run/webhook/test',
    {
      config: { scope: 'train' },
      schema: {
        operationId: 'testWebhook',
        tags: ['runs'],
        summary: "Send a test message to a run's webhook",
        description: 'It is tried once; the deliveries tell how it went.',
        params: RunParams,
        querystring: NoQuery,
        response: {
          202: json(Sent, 'It is on its way.'),
          ...problems('run_not_found', 'webhook_not_found', 'redis_unavailable'),
        },
      },
    },
    async ({ params }, reply) => {
      const { id } = await runs.get(params.run);
      return reply.code(202).send({ id: await webhooks.test(id) });
    },
  );

  app.get(
    '/runs/:run/webhook/deliveries',
    {
      schema: {
        operationId: 'listDeliveries',
        tags: ['runs'],
        summary: "What was sent to a run's webhook, newest first",
        description: 'The last 200 attempts.',
        params: RunParams,
        querystring: z.strictObject({ limit: withDefault(queryInt(1, 200, 'Most items.'), 50) }),
        response: {
          200: json(page(WebhookDelivery, 'WebhookDeliveryPage'), 'Attempts.'),
          ...problems('run_not_found', 'redis_unavailable'),
        },
      },
    },
    async ({ params, query }) => {
      const { id } = await runs.get(params.run);
      return { items: await webhooks.deliveries(id, query.limit), nextCursor: null };
    },
  );
}
