import { z } from 'zod';
import { ModelId, SettableAlias } from '../../core/contracts/common.ts';
import { Model } from '../../core/contracts/model.ts';
import { Promotion, PromotionRequest } from '../../core/contracts/promotion.ts';
import { StylographError } from '../../core/errors.ts';
import { CHAMPION } from '../../store/index.ts';
import type { App, RouteDeps } from '../context.ts';
import { problems } from '../problem.ts';
import { empty, json, ModelParams, NoQuery } from '../schemas.ts';

const AliasParams = z.strictObject({ alias: SettableAlias });
const AliasTarget = z
  .strictObject({ modelId: ModelId })
  .meta({ id: 'AliasTarget', example: { modelId: 'mdl_01JD9YQ7M2T4V6X8Z0B2D4F6H8' } });

export function aliasRoutes(app: App, deps: RouteDeps): void {
  setAlias(app, deps);
  deleteAlias(app, deps);
  promoteModel(app, deps);
  rollBackAlias(app, deps);
}

function setAlias(app: App, { models, chooser }: RouteDeps): void {
  app.put(
    '/models/aliases/:alias',
    {
      config: { scope: 'train' },
      schema: {
        operationId: 'setAlias',
        tags: ['models'],
        summary: 'Point an alias to a model',
        description:
          '`latest` and `latest-{dataset}` follow the newest model and cannot be set. `POST /models/{model}/promote` moves `champion`.',
        params: AliasParams,
        querystring: NoQuery,
        body: AliasTarget,
        response: {
          200: json(Model, 'The model with its aliases.'),
          ...problems('malformed_json', 'model_not_found', 'store_conflict'),
        },
      },
    },
    async ({ params, body }) => {
      if (params.alias === CHAMPION) {
        throw new StylographError(
          'validation_failed',
          `"${CHAMPION}" cannot be set, since it follows the evaluations. Use POST /models/${body.modelId}/promote; {"force": true} skips the comparison.`,
        );
      }
      const model = await models.setAlias(params.alias, body.modelId);
      chooser.forget();
      return model;
    },
  );
}

function deleteAlias(app: App, { models, chooser }: RouteDeps): void {
  app.delete(
    '/models/aliases/:alias',
    {
      config: { scope: 'train' },
      schema: {
        operationId: 'deleteAlias',
        tags: ['models'],
        summary: 'Delete an alias; its model stays',
        params: AliasParams,
        querystring: NoQuery,
        response: {
          204: empty('The alias is deleted.'),
          ...problems('model_not_found', 'store_conflict'),
        },
      },
    },
    async ({ params }, reply) => {
      await models.removeAlias(params.alias);
      chooser.forget();
      return reply.code(204).send();
    },
  );
}

function promoteModel(app: App, { models, chooser }: RouteDeps): void {
  app.post(
    '/models/:model/promote',
    {
      config: { scope: 'train' },
      preValidation: async (request) => {
        request.body ??= {};
      },
      schema: {
        operationId: 'promoteModel',
        tags: ['models'],
        summary: 'Make a model the champion if its evaluation is better',
        description:
          'Compares the stored evaluations of both models. The Fréchet distance must be lower, and no other metric may become worse. A refusal lists each metric that prevents the promotion with both values. The first champion only needs an evaluation.',
        params: ModelParams,
        querystring: NoQuery,
        body: PromotionRequest,
        response: {
          200: json(Promotion, 'The alias points to the model.'),
          ...problems('malformed_json', 'no_model', 'model_not_found', 'promotion_refused', 'store_conflict'),
        },
        'x-doc': { bodyOptional: true },
      },
    },
    async ({ params, body }) => {
      const { alias = CHAMPION, force = false } = body;
      const promoted = await models.promote(params.model, { alias, force });
      chooser.forget();
      return { alias, forced: force, ...promoted };
    },
  );
}

function rollBackAlias(app: App, { models, chooser }: RouteDeps): void {
  app.post(
    '/models/aliases/:alias/rollback',
    {
      config: { scope: 'train' },
      schema: {
        operationId: 'rollBackAlias',
        tags: ['models'],
        summary: 'Point an alias to its previous model',
        description: 'Each call goes one model further back. Deleted models are skipped.',
        params: AliasParams,
        querystring: NoQuery,
        response: {
          200: json(Model, 'The model that the alias now points to.'),
          ...problems('model_not_found', 'no_former_model', 'store_conflict'),
        },
      },
    },
    async ({ params }) => {
      const model = await models.rollBack(params.alias);
      chooser.forget();
      return model;
    },
  );
}
