import { z } from 'zod';
import { RunId } from '../../core/contracts/common.ts';
import { PresetName, TrainingConfig } from '../../core/contracts/config.ts';
import { PRESETS } from '../../core/contracts/presets.ts';
import { Run, RunRequest } from '../../core/contracts/run.ts';
import { StylographError } from '../../core/errors.ts';
import { removeRunFiles } from '../../store/run-files.ts';
import type { App, RouteDeps } from '../context.ts';
import { linksTo } from '../openapi.ts';
import { problems } from '../problem.ts';
import { estimateMemory, estimateRun, ResolvedRun } from '../runs/estimate.ts';
import { withLinks } from '../runs/links.ts';
import { bodyDigest, resolveRun, resolveWebhook } from '../runs/resolve.ts';
import { empty, json, NoQuery, page, pageQuery, queryBoolean, RunParams, withDefault } from '../schemas.ts';

export function runRoutes(app: App, deps: RouteDeps): void {
  listPresets(app);
  createRun(app, deps);
  listRuns(app, deps);
  getRun(app, deps);
  deleteRun(app, deps);
  changeState(app, deps, 'cancel', 'End a run for good');
  changeState(app, deps, 'pause', 'Stop a run after a checkpoint, to resume it later');
  changeState(app, deps, 'resume', 'Resume a paused run');
}

const Preset = z
  .strictObject({ name: PresetName, description: z.string(), config: TrainingConfig })
  .meta({ id: 'Preset' });

function listPresets(app: App): void {
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
}

const IdempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters')
  .meta({
    description:
      'Within 24 hours, requests with the same key and the same body start one run, however often they are sent.',
  });

const RUN_LINKS = linksTo(
  'run',
  '$response.body#/id',
  ...['getRun', 'cancelRun', 'pauseRun', 'resumeRun', 'deleteRun', 'getRunEvents', 'getRunMetrics'],
  ...['listCheckpoints', 'listFigures', 'listFilms', 'getReport', 'testWebhook', 'listDeliveries'],
);

function createRun(app: App, deps: RouteDeps): void {
  app.post(
    '/runs',
    {
      config: { scope: 'train' },
      // Every field has a default, so a missing body means an empty one.
      preValidation: async (request) => {
        if (request.body === undefined) request.body = {};
      },
      schema: {
        operationId: 'createRun',
        tags: ['runs'],
        summary: 'Start a training run',
        headers: z.looseObject({ 'idempotency-key': IdempotencyKey.optional() }),
        querystring: z.strictObject({
          dryRun: withDefault(queryBoolean('Only resolve and estimate the run; start nothing.'), false),
        }),
        body: RunRequest,
        response: {
          200: json(ResolvedRun, 'For a dry run: the run that would start.'),
          202: json(Run, 'The run, waiting for a worker.'),
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
    async ({ body, query, headers }, reply) => {
      const { run, dataset } = await resolveRun(deps, body);
      checkMemory(estimateMemory(run.config, dataset).memoryBytes, deps.limits.runBytes);
      const webhook = resolveWebhook(deps, body);
      if (query.dryRun) {
        return reply.code(200).send({ ...run, estimate: await estimateRun(deps, run, dataset) });
      }
      const key = headers['idempotency-key'];
      const idempotency = key === undefined ? undefined : { key, bodyDigest: bodyDigest(body) };
      const created = await deps.runs.create(run, { idempotency, webhook });
      const answer = withLinks(created.run);
      if (answer.webhook) answer.webhook = { ...answer.webhook, secret: created.webhookSecret };
      if (created.replayed) reply.header('idempotency-replayed', 'true');
      return reply.code(202).header('location', answer.links.self).send(answer);
    },
  );
}

/** @throws run_too_large */
function checkMemory(needed: number, allowed: number): void {
  if (needed <= allowed) return;
  const mib = (bytes: number): number => Math.ceil(bytes / 1024 ** 2);
  throw new StylographError(
    'run_too_large',
    `The run would need about ${mib(needed)} MiB of memory, but RUN_MEMORY_MIB allows ${mib(allowed)}. ` +
      "Lower batchSize or the networks' widths, or choose a dataset with smaller images.",
  );
}

function listRuns(app: App, { runs }: RouteDeps): void {
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
      const { items, nextCursor } = await runs.list(query);
      return { items: items.map(withLinks), nextCursor };
    },
  );
}

function getRun(app: App, { runs }: RouteDeps): void {
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
    async ({ params }) => withLinks(await runs.get(params.run)),
  );
}

function deleteRun(app: App, { runs, store }: RouteDeps): void {
  app.delete(
    '/runs/:run',
    {
      config: { scope: 'train' },
      schema: {
        operationId: 'deleteRun',
        tags: ['runs'],
        summary: 'Delete a finished run with its events, checkpoints and figures',
        description: 'A model that it published stays.',
        params: RunParams,
        querystring: NoQuery,
        response: {
          204: empty('The run is deleted.'),
          ...problems('run_not_found', 'invalid_state', 'redis_unavailable'),
        },
      },
    },
    async ({ params }, reply) => {
      await runs.remove(params.run, () => removeRunFiles(store, params.run));
      return reply.code(204).send();
    },
  );
}

function changeState(
  app: App,
  { runs }: RouteDeps,
  change: 'cancel' | 'pause' | 'resume',
  summary: string,
): void {
  app.post(
    `/runs/:run/${change}`,
    {
      config: { scope: 'train' },
      schema: {
        operationId: `${change}Run`,
        tags: ['runs'],
        summary,
        params: RunParams,
        querystring: NoQuery,
        response: {
          202: json(Run, 'The run; a `state` event reports when the change is complete.'),
          ...problems('run_not_found', 'invalid_state', 'redis_unavailable'),
        },
        'x-doc': { headers: ['Location'] },
      },
    },
    async ({ params }, reply) => {
      const run = withLinks(await runs.request(params.run, change));
      return reply.code(202).header('location', run.links.self).send(run);
    },
  );
}
