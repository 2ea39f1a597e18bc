import { z } from 'zod';
import { ModelId } from '../../core/contracts/common.ts';
import { Model } from '../../core/contracts/model.ts';
import { StylographError } from '../../core/errors.ts';
import type { ApiDeps } from '../deps.ts';
import { problems } from '../problem.ts';
import { empty, json, NoQuery, page, pageQuery } from '../schemas.ts';
import { type App, chooserOf, ModelParams } from './context.ts';

export async function modelRoutes(app: App, deps: ApiDeps): Promise<void> {
  app.get(
    '/models',
    {
      schema: {
        operationId: 'listModels',
        tags: ['models'],
        summary: 'Models, newest first',
        querystring: z.strictObject(pageQuery(ModelId)),
        response: { 200: json(page(Model, 'ModelPage'), 'A page of models.'), ...problems() },
      },
    },
    async ({ query }) => deps.models.list(query),
  );

  app.get(
    '/models/:model',
    {
      schema: {
        operationId: 'getModel',
        tags: ['models'],
        summary: 'One model, by id or alias',
        params: ModelParams,
        querystring: NoQuery,
        response: { 200: json(Model, 'The model.'), ...problems('no_model', 'model_not_found') },
      },
    },
    async ({ params }) => deps.models.get(params.model),
  );

  app.delete(
    '/models/:model',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'deleteModel',
        tags: ['models'],
        summary: 'Remove a model that no alias holds',
        params: z.strictObject({ model: z.string().meta({ description: 'The id of a model.' }) }),
        querystring: NoQuery,
        response: { 204: empty('It is gone.'), ...problems('model_not_found', 'model_in_use') },
      },
    },
    async ({ params }, reply) => {
      if (!ModelId.safeParse(params.model).success) {
        throw new StylographError(
          'model_not_found',
          `"${params.model}" is not the id of a model; aliases cannot be used to remove one.`,
        );
      }
      await deps.models.remove(params.model);
      chooserOf(deps).forget();
      return reply.code(204).send();
    },
  );
}
