import { z } from 'zod';
import { Alias, ModelId, ModelReference } from '../../contracts/common.ts';
import { Model } from '../../contracts/model.ts';
import { StylographError } from '../../errors.ts';
import type { ApiDeps } from '../deps.ts';
import { problems } from '../problem.ts';
import { empty, json, NoQuery, page, pageQuery } from '../schemas.ts';
import { type App, chooserOf } from './context.ts';

const Reference = z.strictObject({
  model: z.string().meta({ description: ModelReference.meta()?.description ?? '', example: 'latest' }),
});
const AliasTarget = z
  .strictObject({ modelId: ModelId })
  .meta({ id: 'AliasTarget', example: { modelId: 'mdl_01JD9YQ7M2T4V6X8Z0B2D4F6H8' } });

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
        params: Reference,
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

  app.put(
    '/models/aliases/:alias',
    {
      config: { scope: 'train' },
      schema: {
        operationId: 'setAlias',
        tags: ['models'],
        summary: 'Point an alias at a model',
        description: '`latest` and `latest-{dataset}` follow the newest run by themselves and cannot be set.',
        params: z.strictObject({ alias: Alias }),
        querystring: NoQuery,
        body: AliasTarget,
        response: {
          200: json(Model, 'The model with its aliases.'),
          ...problems('malformed_json', 'model_not_found'),
        },
      },
    },
    async ({ params, body }) => {
      const model = await deps.models.setAlias(params.alias, body.modelId);
      chooserOf(deps).forget();
      return model;
    },
  );

  app.delete(
    '/models/aliases/:alias',
    {
      config: { scope: 'train' },
      schema: {
        operationId: 'deleteAlias',
        tags: ['models'],
        summary: 'Remove an alias; its model stays',
        params: z.strictObject({ alias: Alias }),
        querystring: NoQuery,
        response: { 204: empty('It is gone.'), ...problems('model_not_found') },
      },
    },
    async ({ params }, reply) => {
      await deps.models.removeAlias(params.alias);
      chooserOf(deps).forget();
      return reply.code(204).send();
    },
  );
}
