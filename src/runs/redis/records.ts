import { completeConfig } from '../../core/contracts/presets.ts';
import type { RunRecord } from '../../core/contracts/run.ts';
import type { Webhook, WebhookTarget } from '../../core/contracts/webhook.ts';

/*
 * How a run's record is stored: a hash with one JSON value per field, except `state`. Fields with an underscore are
 * not part of the record.
 */

type Changeable = Omit<RunRecord, 'id' | 'state'>;
/** `undefined` removes an optional field. */
export type RunPatch = { [K in keyof Changeable]?: Changeable[K] | undefined };

/** A request with everything filled in. */
export type NewRun = Pick<RunRecord, 'name' | 'preset' | 'dataset' | 'seed' | 'config' | 'from' | 'tags'>;

export function freshRecord(run: NewRun): Changeable {
  return {
    ...run,
    progress: {
      phase: 'loading',
      iteration: 0,
      iterations: run.config.iterations,
      secondsElapsed: 0,
      secondsRemaining: null,
      imagesPerSecond: 0,
    },
    metrics: {},
    device: null,
    createdAt: new Date().toISOString(),
    startedAt: null,
    finishedAt: null,
  };
}

const FIELDS = [
  'name',
  'preset',
  'dataset',
  'seed',
  'config',
  'from',
  'tags',
  'progress',
  'metrics',
  'device',
  'error',
  'best',
  'evaluation',
  'diagnoses',
  'modelId',
  'createdAt',
  'startedAt',
  'finishedAt',
  'webhook',
] as const satisfies (keyof Changeable)[];

/** Fields of the hash; an empty text removes the field. */
export type HashFields = Record<string, string>;

export const encodePatch = (patch: RunPatch): HashFields =>
  Object.fromEntries(
    Object.entries(patch).map(([field, value]) => [field, value === undefined ? '' : JSON.stringify(value)]),
  );

/** Fields of a run that has a webhook: the public part of the record, and what delivery needs. */
export function encodeWebhook({ url, events, secret }: WebhookTarget, outbox: string): HashFields {
  const shown: Webhook = { url: url.split('?')[0]!, events };
  return {
    ...encodePatch({ webhook: shown }),
    _webhook: JSON.stringify({ url, events, secret }),
    _hooked: `,${events.join()},`,
    _outbox: outbox,
  };
}

/** A record from the run's hash. Undefined when there is none. */
export function parseRecord(id: string, hash: Record<string, string>): RunRecord | undefined {
  const { state } = hash;
  if (state === undefined) return undefined;
  const fields = FIELDS.filter((field) => hash[field] !== undefined);
  const record = {
    id,
    state,
    ...Object.fromEntries(fields.map((field) => [field, JSON.parse(hash[field]!) as unknown])),
  } as RunRecord;
  return { ...record, config: completeConfig(record.preset, record.config) };
}
