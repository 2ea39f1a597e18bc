import { z } from 'zod';
import { RunId } from '../../core/contracts/common.ts';
import { PresetName, TrainingConfig } from '../../core/contracts/config.ts';
import { PRESETS } from '../../core/contracts/presets.ts';
import { Run, RunRequest } from '../../core/contracts/run.ts';
import { StylographError } from '../../core/errors.ts';
import { removeRunFiles } from '../../store/run-files.ts';
import { type ApiDeps, limitsOf } from '../deps.ts';
import { linksTo } from '../openapi.ts';
import { problems } from '../problem.ts';
import { estimateMemory, estimateRun, ResolvedRun } from '../runs/estimate.ts';
import { withLinks } from '../runs/links.ts';
import { bodyDigest, resolveRun, resolveWebhook } from '../runs/resolve.ts';
import { empty, json, NoQuery, page, pageQuery, queryBoolean, withDefault } from '../schemas.ts';
import type { App } from './context.ts';

export const RunParams = z.strictObject({
  run: z.string().meta({ description: 'The id of a run.', example: 'run_01JD9YQ7M2T4V6X8Z0B2D4F6H8' }),
});

const IdempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters')
  .meta({
    description: 'The same key with the same body starts one run, however often it is sent (24 hours).',
  });

const Preset = z
  .strictObject({ name: PresetName, description: z.string(), config: TrainingConfig })
  .meta({ id: 'Preset' });

const RUN_LINKS = linksTo(
  'run',
  '$response.body#/id',
  ...['getRun', 'cancelRun', 'pauseRun', 'resumeRun', 'deleteRun', 'getRunEvents', 'getRunMetrics'],
  ...['listCheckpoints', 'listFigures', 'listFilms', 'getReport', 'testWebhook', 'listDeliveries'],
);

const REQUESTS = {
  cancel: 'End a run for good',
  pause: 'Stop a run after a checkpoint, to go on later',
  resume: 'Go on with a paused run',
} as const;

function tooLarge(needed: number, allowed: number): StylographError {
  const mib = (bytes: number): number => Math.ceil(bytes / 1024 ** 2);
  return new StylographError(
    'run_too_large',
    `The run would need about ${mib(needed)} MiB of memory, and RUN_MEMORY_MIB allows ${mib(allowed)}; lower batchSize or the networks' widths, or choose a dataset of smaller images.`,
  );
}

export async function runRoutes(app: App, deps: ApiDeps): Promise<void> {
  const { runBytes } = limitsOf(deps);
  app.get(
    '/presets',
    {
      schema: {
        operationId: 'listPresets',
        tags: ['runs'],
        summary: 'Named configurations to start from',
        querystring: NoQuery,
        response: { 200: json(page(Preset, 'PresetPage'), 'All presets.'), ...problems() },
      },
    },
    async () => {
      const items = Object.entries(PRESETS).map(([name, preset]) => ({
        name: name as PresetName,
        ...preset,
      }));
      return { items, nextCursor: null };
    },
  );

  app.post(
    '/runs',
    {
      config: { scope: 'train' },
      // Every field has a default: no body is the same as an empty one.
      preValidation: async (request) => {
        if (request.body === undefined) request.body = {};
      },
      schema: {
        operationId: 'createRun',
        tags: ['runs'],
        summary: 'Start a training run',
        headers: z.looseObject({ 'idempotency-key': IdempotencyKey.optional() }),
        querystring: z.strictObject({
          dryRun: withDefault(queryBoolean('Only resolve and estimate; nothing is enqueued.'), false),
        }),
        body: RunRequest,
        response: {
          200: json(ResolvedRun, 'For a dry run: what would be started.'),
          202: json(Run, 'The run waits for a worker.'),
          ...problems(
            'malformed_json',
            'dataset_not_found',
            'no_seed_model',
            'run_too_large',
            'webhook_refused',
            'idempotency_conflict',
            'unsupported_media_type',
            'body_too_large',
            'queue_full',
            'redis_unavailable',
          ),
        },
        'x-doc': { headers: ['Location', 'Idempotency-Replayed'], bodyOptional: true, links: RUN_LINKS },
      },
    },
    async (request, reply) => {
      const { run, dataset } = await resolveRun(deps, request.body);
      const memory = estimateMemory(run.config, dataset);
      if (memory.memoryBytes > runBytes) throw tooLarge(memory.memoryBytes, runBytes);
      const webhook = resolveWebhook(deps, request.body);
      if (request.query.dryRun) {
        return reply.code(200).send({ ...run, estimate: await estimateRun(deps, run, dataset) });
      }
      const key = request.headers['idempotency-key'];
      const created = await deps.runs.create(run, {
        idempotency: key === undefined ? undefined : { key, bodyDigest: bodyDigest(request.body) },
        webhook,
      });
      const answer = withLinks(created.run);
      if (answer.webhook) answer.webhook = { ...answer.webhook, secret: created.webhookSecret };
      if (created.replayed) reply.header('idempotency-replayed', 'true');
      return reply.code(202).header('location', answer.links.self).send(answer);
    },
  );

  app.get(
    '/runs',
    {
      schema: {
        operationId: 'listRuns',
        tags: ['runs'],
        summary: 'Runs, newest first',
        querystring: z.strictObject(pageQuery(RunId)),
        response: { 200: json(page(Run, 'RunPage'), 'A page of runs.'), ...problems('redis_unavailable') },
      },
    },
    async ({ query }) => {
      const { items, nextCursor } = await deps.runs.list(query);
      return { items: items.map(withLinks), nextCursor };
    },
  );

  app.get(
    '/runs/:run',
    {
      schema: {
        operationId: 'getRun',
        tags: ['runs'],
        summary: 'One run',
        params: RunParams,
        querystring: NoQuery,
        response: { 200: json(Run, 'The run.'), ...problems('run_not_found', 'redis_unavailable') },
      },
    },
    async ({ params }) => withLinks(await deps.runs.get(params.run)),
  );

  app.delete(
    '/runs/:run',
    {
      config: { scope: 'train' },
      schema: {
        operationId: 'deleteRun',
        tags: ['runs'],
        summary: 'Remove a finished run, its events, checkpoints and figures',
        description: 'A model that it published stays.',
        params: RunParams,
        querystring: NoQuery,
        response: {
          204: empty('It is gone.'),
          ...problems('run_not_found', 'invalid_state', 'redis_unavailable'),
        },
      },
    },
    async ({ params }, reply) => {
      await deps.runs.remove(params.run, () => removeRunFiles(deps.store, params.run));
      return reply.code(204).send();
    },
  );

  for (const kind of ['cancel', 'pause', 'resume'] as const) {
    app.post(
      `/runs/:run/${kind}`,
      {
        config: { scope: 'train' },
        schema: {
          operationId: `${kind}Run`,
          tags: ['runs'],
          summary: REQUESTS[kind],
          params: RunParams,
          querystring: NoQuery,
          response: {
            202: json(Run, 'The run; its events tell when it is done.'),
            ...problems('run_not_found', 'invalid_state', 'redis_unavailable'),
          },
          'x-doc': { headers: ['Location'] },
        },
      },
      async ({ params }, reply) => {
        const run = withLinks(await deps.runs.request(params.run, kind));
        return reply.code(202).header('location', run.links.self).send(run);
      },
    );
  }
}
