import { z } from 'zod';
import type { App, RouteDeps } from '../context.ts';
import { readPage, sendPage } from '../plugins/dashboard.ts';
import { problems } from '../problem.ts';
import { NOT_MODIFIED, NoQuery } from '../schemas.ts';

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

export function rootRoutes(app: App, deps: RouteDeps): void {
  getIndex(app, deps);
  app.get(
    '/openapi.json',
    { config: { scope: 'public' }, schema: { hide: true, querystring: NoQuery } },
    async () => app.swagger(),
  );
}

function getIndex(app: App, { dashboard, version }: RouteDeps): void {
  app.get(
    '/',
    {
      config: { produces: ['application/json', HTML], scope: 'public' },
      schema: {
        operationId: 'getIndex',
        tags: ['operations'],
        summary: 'Links to the resources of this server',
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
      if (dashboard !== undefined && request.answerType === HTML) {
        const html = await readPage(dashboard);
        if (html !== undefined) return sendPage(reply, html);
      }
      return reply.type(JSON_TYPE).send({ name: 'stylograph', version, links: LINKS });
    },
  );
}
