import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { problems } from '../problem.ts';
import { json, NoQuery } from '../schemas.ts';
import type { App } from './context.ts';

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
};

const Index = z
  .strictObject({ name: z.string(), version: z.string(), links: z.record(z.string(), z.string()) })
  .meta({ id: 'Index' });

export async function indexRoutes(app: App, deps: ApiDeps): Promise<void> {
  app.get(
    '/',
    {
      config: { scope: 'public' },
      schema: {
        operationId: 'getIndex',
        tags: ['operations'],
        summary: 'Where everything is',
        querystring: NoQuery,
        response: { 200: json(Index, 'Links.'), ...problems() },
      },
    },
    async () => ({ name: 'stylograph', version: deps.version, links: LINKS }),
  );

  app.get(
    '/openapi.json',
    { config: { scope: 'public' }, schema: { hide: true, querystring: NoQuery } },
    async () => app.swagger(),
  );
}
