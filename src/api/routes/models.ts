import { z } from 'zod';
import { ModelId } from '../../core/contracts/common.ts';
import { Model } from '../../core/contracts/model.ts';
import { StylographError } from '../../core/errors.ts';
import type { App, RouteDeps } from '../context.ts';
import { problems } from '../problem.ts';
import { empty, json, ModelParams, NoQuery, page, pageQuery } from '../schemas.ts';

export function modelRoutes(app: App, deps: RouteDeps): void {
  listModels(app, deps);
  getModel(app, deps);
  deleteModel(app, deps);
}

function listModels(app: App, { models }: RouteDeps): void {
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
    async ({ query }) => models.list(query),
  );
}

function getModel(app: App, { models }: RouteDeps): void {
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
    async ({ params }) => models.get(params.model),
  );
}

function deleteModel(app: App, { models, chooser }: RouteDeps): void {
  app.delete(
    '/models/:model',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'deleteModel',
        tags: ['models'],
        summary: 'Delete a model that no alias points to',
        params: z.strictObject({ model: z.string().meta({ description: 'The id of a model.' }) }),
        querystring: NoQuery,
        response: { 204: empty('The model is deleted.'), ...problems('model_not_found', 'model_in_use') },
      },
    },
    async ({ params }, reply) => {
      if (!ModelId.safeParse(params.model).success) {
        throw new StylographError(
          'model_not_found',
          `"${params.model}" is not a model id. Models are deleted by id, not by alias.`,
        );
      }
      await models.remove(params.model);
      chooser.forget();
      return reply.code(204).send();
    },
  );
}
