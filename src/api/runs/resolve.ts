import { createHash, randomInt } from 'node:crypto';
import { TrainingConfig } from '../../core/contracts/config.ts';
import type { DatasetInfo } from '../../core/contracts/dataset.ts';
import type { ModelRecord } from '../../core/contracts/model.ts';
import { resolveConfig } from '../../core/contracts/presets.ts';
import type { RunRequest } from '../../core/contracts/run.ts';
import { DEFAULT_WEBHOOK_EVENTS, type WebhookTarget } from '../../core/contracts/webhook.ts';
import { errorCodeOf, invalidField, StylographError } from '../../core/errors.ts';
import type { NewRun } from '../../runs/redis/records.ts';
import type { ApiDeps } from '../deps.ts';

const DEFAULTS = { preset: 'modern', dataset: 'mnist' } as const;

/**
 * Fills in the defaults of a request, and checks it against its dataset and the model it starts from.
 * @throws validation_failed, dataset_not_found, dataset_missing, no_seed_model
 */
export async function resolveRun(
  deps: ApiDeps,
  request: RunRequest,
): Promise<{ run: NewRun; dataset: DatasetInfo }> {
  const { preset = DEFAULTS.preset, tags = [], seed = randomInt(2 ** 31) } = request;
  const dataset = await deps.datasets.describe(request.dataset ?? DEFAULTS.dataset);
  const config = TrainingConfig.parse(resolveConfig(preset, request.config));
  if (config.batchSize > dataset.split.train) {
    throw invalidField(
      'body.config.batchSize',
      `must not exceed the ${dataset.split.train} training images of ${dataset.id}`,
    );
  }
  if (dataset.width % 4 !== 0 || dataset.height % 4 !== 0) {
    throw invalidField(
      'body.dataset',
      `has images of ${dataset.width}×${dataset.height}, but sides must be multiples of 4; choose another dataset`,
    );
  }
  const from = request.from === undefined ? undefined : await startModel(deps, request.from, config, dataset);
  const name = request.name ?? `${preset} on ${dataset.id}`;
  const run = { name, preset, dataset: dataset.id, seed, config, tags, ...(from && { from: from.id }) };
  return { run, dataset };
}

/** The webhook of a request with its defaults filled in. @throws webhook_refused, validation_failed */
export function resolveWebhook(
  { webhooks }: Pick<ApiDeps, 'webhooks'>,
  { webhook }: RunRequest,
): WebhookTarget | undefined {
  if (webhook === undefined) return undefined;
  if (webhooks === undefined) {
    throw invalidField(
      'body.webhook',
      'needs a running server, since the messages are sent after this program ends; start the run on one',
    );
  }
  webhooks.check(webhook.url);
  const { url, events = [...DEFAULT_WEBHOOK_EVENTS], secret = webhooks.generateSecret() } = webhook;
  return { url, events: [...new Set(events)], secret };
}

/** The model to start from. @throws no_seed_model naming the differences */
async function startModel(
  deps: ApiDeps,
  reference: string,
  config: TrainingConfig,
  dataset: DatasetInfo,
): Promise<ModelRecord> {
  let model: ModelRecord;
  try {
    model = await deps.models.record(reference);
  } catch (error) {
    const code = errorCodeOf(error);
    if (code !== 'no_model' && code !== 'model_not_found') throw error;
    throw new StylographError('no_seed_model', `from: ${(error as Error).message}`, { cause: error });
  }
  const properties: [name: string, theirs: unknown, ours: unknown][] = [
    ['latentDim', model.config.latentDim, config.latentDim],
    ['networks', model.config.networks, config.networks],
    ['batchNorm', model.config.batchNorm, config.batchNorm],
    ['spectralNorm', model.config.spectralNorm, config.spectralNorm],
    ['image width', model.image.width, dataset.width],
    ['image height', model.image.height, dataset.height],
    ['image channels', model.image.channels, dataset.channels],
    ['number of labels', model.image.labels.length, dataset.labels.length],
  ];
  const differences = properties.filter(
    ([, theirs, ours]) => JSON.stringify(theirs) !== JSON.stringify(ours),
  );
  if (differences.length === 0) return model;
  const list = differences.map(
    ([name, theirs, ours]) => `${name} is ${JSON.stringify(theirs)} there and ${JSON.stringify(ours)} here`,
  );
  throw new StylographError(
    'no_seed_model',
    `A run cannot start from ${model.id}: ${list.join('; ')}. Use the model's values or choose another model.`,
  );
}

/** A digest of a body that does not depend on the order of its fields. */
export function bodyDigest(body: unknown): string {
  const sorted = JSON.stringify(body, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(sorted).digest('hex');
}
