import { z } from 'zod';
import { WebhookDelivery } from '../../core/contracts/webhook.ts';
import type { App, RouteDeps } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { problems } from '../problem.ts';
import { json, NoQuery, page, queryInt, RunParams, withDefault } from '../schemas.ts';

type Webhooks = NonNullable<ApiDeps['webhooks']>;

export function webhookRoutes(app: App, { runs, webhooks }: RouteDeps): void {
  if (webhooks === undefined) return;
  testWebhook(app, runs, webhooks);
  listDeliveries(app, runs, webhooks);
}

const WebhookTest = z
  .strictObject({ id: z.string().meta({ description: 'The `webhook-id` that the message will have.' }) })
  .meta({ id: 'WebhookTest' });

function testWebhook(app: App, runs: RouteDeps['runs'], webhooks: Webhooks): void {
  app.post(
    '/runs/:run/webhook/test',
    {
      config: { scope: 'train' },
      schema: {
        operationId: 'testWebhook',
        tags: ['runs'],
        summary: "Send a test message to a run's webhook",
        description: 'It is sent once, without retries. GET /runs/{run}/webhook/deliveries shows the result.',
        params: RunParams,
        querystring: NoQuery,
        response: {
          202: json(WebhookTest, 'The message will be sent.'),
          ...problems('run_not_found', 'webhook_not_found', 'redis_unavailable'),
        },
      },
    },
    async ({ params }, reply) => {
      const { id } = await runs.get(params.run);
      return reply.code(202).send({ id: await webhooks.test(id) });
    },
  );
}

function listDeliveries(app: App, runs: RouteDeps['runs'], webhooks: Webhooks): void {
  app.get(
    '/runs/:run/webhook/deliveries',
    {
      schema: {
        operationId: 'listDeliveries',
        tags: ['runs'],
        summary: "Deliveries to a run's webhook, newest first",
        description: 'The last 200 attempts are kept.',
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
