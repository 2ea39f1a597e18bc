import { completeConfig } from '../../core/contracts/presets.ts';
import type { RunRecord } from '../../core/contracts/run.ts';
import type { Webhook, WebhookTarget } from '../../core/contracts/webhook.ts';

/** Fields that may be absent; the others are always there. */
type Changeable = Omit<RunRecord, 'id' | 'state'>;
/** `undefined` removes an optional field. */
export type RunPatch = { [K in keyof Changeable]?: Changeable[K] | undefined };

/** A request with everything filled in. */
export type NewRun = Pick<RunRecord, 'name' | 'preset' | 'dataset' | 'seed' | 'config' | 'from' | 'tags'>;

/** The fields of a run that was asked for just now. */
export function freshRecord(run: NewRun): Omit<RunRecord, 'id' | 'state'> {
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

/** A patch as the scripts take it: field and JSON in turns, an empty string for a field to remove. */
export function patchArguments(patch: RunPatch): string[] {
  return Object.entries(patch).flatMap(([field, value]) => [
    field,
    value === undefined ? '' : JSON.stringify(value),
  ]);
}

/** Fields of a run that has a webhook: what everybody may see, and what only sending needs. */
export function webhookArguments({ url, events, secret }: WebhookTarget, outbox: string): string[] {
  const shown: Webhook = { url: url.split('?')[0]!, events };
  return [
    ...patchArguments({ webhook: shown }),
    ...['_webhook', JSON.stringify({ url, events, secret })],
    ...['_hooked', `,${events.join()},`],
    ...['_outbox', outbox],
  ];
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
