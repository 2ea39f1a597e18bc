import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { readPage, sendPage } from '../plugins/dashboard.ts';
import { problems } from '../problem.ts';
import { NOT_MODIFIED, NoQuery } from '../schemas.ts';
import type { App } from './context.ts';

const HTML = 'text/html';
const JSON_TYPE = 'application/json; charset=utf-8';

const LINKS = {
  docs: '/docs',
  openapi: '/openapi.json',
  runs: '/runs',
  presets: '/presets',
  models: '/models',
  datasets: '/datasets',
  generate: '/generate?label=3',
  manifold: '/manifold?label=3',
  live: '/health/live',
  ready: '/health/ready',
  metrics: '/metrics',
  queues: '/queues',
};

const Index = z
  .strictObject({ name: z.string(), version: z.string(), links: z.record(z.string(), z.string()) })
  .meta({ id: 'Index' });

export async function indexRoutes(app: App, deps: ApiDeps): Promise<void> {
  app.get(
    '/',
    {
      config: { produces: ['application/json', HTML], scope: 'public' },
      schema: {
        operationId: 'getIndex',
        tags: ['operations'],
        summary: 'Where everything is',
        description: 'The dashboard for browsers, links for programs.',
        querystring: NoQuery,
        response: {
          200: {
            description: 'Links, or the dashboard.',
            content: { 'application/json': { schema: Index }, [HTML]: { schema: z.string() } },
          },
          304: NOT_MODIFIED,
          ...problems(),
        },
        'x-doc': { headers: ['ETag', 'Cache-Control'] },
      },
    },
    async (request, reply) => {
      if (deps.dashboard !== undefined && request.answerType === HTML) {
        const page = await readPage(deps.dashboard);
        if (page !== undefined) return sendPage(request, reply, page);
      }
      return reply.type(JSON_TYPE).send({ name: 'stylograph', version: deps.version, links: LINKS });
    },
  );

  app.get(
    '/openapi.json',
    { config: { scope: 'public' }, schema: { hide: true, querystring: NoQuery } },
    async () => app.swagger(),
  );
}
