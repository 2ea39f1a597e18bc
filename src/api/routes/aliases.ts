import { z } from 'zod';
import { ModelId, SettableAlias } from '../../core/contracts/common.ts';
import { Model } from '../../core/contracts/model.ts';
import { Promotion, PromotionRequest } from '../../core/contracts/promotion.ts';
import { StylographError } from '../../core/errors.ts';
import { CHAMPION } from '../../store/index.ts';
import type { ApiDeps } from '../deps.ts';
import { problems } from '../problem.ts';
import { empty, json, NoQuery } from '../schemas.ts';
import { type App, chooserOf, ModelParams } from './context.ts';

const AliasParams = z.strictObject({ alias: SettableAlias });
const AliasTarget = z
  .strictObject({ modelId: ModelId })
  .meta({ id: 'AliasTarget', example: { modelId: 'mdl_01JD9YQ7M2T4V6X8Z0B2D4F6H8' } });

export async function aliasRoutes(app: App, deps: ApiDeps): Promise<void> {
  app.put(
    '/models/aliases/:alias',
    {
      config: { scope: 'train' },
      schema: {
        operationId: 'setAlias',
        tags: ['models'],
        summary: 'Point an alias at a model',
        description:
          '`latest` and `latest-{dataset}` follow the newest run by themselves and cannot be set; `champion` is moved by `POST /models/{model}/promote`.',
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
          `"${CHAMPION}" moves by the evaluations: POST /models/${body.modelId}/promote, with {"force": true} whatever they say.`,
        );
      }
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
        params: AliasParams,
        querystring: NoQuery,
        response: {
          204: empty('It is gone.'),
          ...problems('model_not_found', 'store_conflict'),
        },
      },
    },
    async ({ params }, reply) => {
      await deps.models.removeAlias(params.alias);
      chooserOf(deps).forget();
      return reply.code(204).send();
    },
  );

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
          'Compares the evaluations that are stored with both models: the Fréchet distance must be lower, and nothing else may be lost for it. A refusal names each metric that stands in the way with both numbers. The first champion needs an evaluation only.',
        params: ModelParams,
        querystring: NoQuery,
        body: PromotionRequest,
        response: {
          200: json(Promotion, 'The alias points at the model now.'),
          ...problems('malformed_json', 'no_model', 'model_not_found', 'promotion_refused', 'store_conflict'),
        },
        'x-doc': { bodyOptional: true },
      },
    },
    async ({ params, body }) => {
      const { alias = CHAMPION, force = false } = body;
      const promoted = await deps.models.promote(params.model, { alias, force });
      chooserOf(deps).forget();
      return { alias, forced: force, ...promoted };
    },
  );

  app.post(
    '/models/aliases/:alias/rollback',
    {
      config: { scope: 'train' },
      schema: {
        operationId: 'rollBackAlias',
        tags: ['models'],
        summary: 'Point an alias at the model it pointed at before',
        description: 'Again, and it goes further back. Models that were removed are passed over.',
        params: AliasParams,
        querystring: NoQuery,
        response: {
          200: json(Model, 'The model it points at now.'),
          ...problems('model_not_found', 'no_former_model', 'store_conflict'),
        },
      },
    },
    async ({ params }) => {
      const model = await deps.models.rollBack(params.alias);
      chooserOf(deps).forget();
      return model;
    },
  );
}
