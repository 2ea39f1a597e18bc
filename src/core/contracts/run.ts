import { z } from 'zod';
import { Digest, ModelId, RunId, Timestamp } from './common.ts';
import { PresetName, TrainingConfig, TrainingConfigOverrides } from './config.ts';
import { DatasetId } from './dataset.ts';
import { Diagnosis, Evaluation, Validation } from './evaluation.ts';
import { Webhook, WebhookRequest } from './webhook.ts';

export const RunState = z
  .enum(['queued', 'running', 'pausing', 'paused', 'cancelling', 'cancelled', 'succeeded', 'failed'])
  .meta({ id: 'RunState' });
export type RunState = z.infer<typeof RunState>;
export const FINISHED_STATES = ['succeeded', 'failed', 'cancelled'] as const satisfies RunState[];
export const isFinished = (state: RunState): boolean =>
  (FINISHED_STATES as readonly RunState[]).includes(state);

export const RunProgress = z
  .strictObject({
    phase: z.enum(['loading', 'training', 'evaluating', 'drawing', 'publishing']),
    iteration: z.int(),
    iterations: z.int(),
    secondsElapsed: z.number().meta({ description: 'Seconds spent training, across pauses and resumes.' }),
    secondsRemaining: z
      .number()
      .nullable()
      .meta({ description: 'Estimate; null until enough iterations were timed.' }),
    imagesPerSecond: z.number(),
  })
  .meta({ id: 'RunProgress' });
export type RunProgress = z.infer<typeof RunProgress>;

/** Live metrics of a run by name; null where a loss is not finite. */
export const RunMetrics = z.record(z.string(), z.number().nullable()).meta({ id: 'RunMetrics' });
export type RunMetrics = z.infer<typeof RunMetrics>;

export const RunError = z
  .strictObject({ code: z.string(), message: z.string() })
  .meta({ id: 'RunError', description: 'Why a run failed, or why it was paused.' });
export type RunError = z.infer<typeof RunError>;

export const RunRequest = z
  .strictObject({
    name: z.string().min(1).max(200).optional(),
    preset: PresetName.optional().meta({ description: 'Defaults to `modern`.' }),
    dataset: DatasetId.optional().meta({ description: 'Defaults to `mnist`.' }),
    seed: z.int().min(0).max(2_147_483_647).optional().meta({ description: 'Random when not given.' }),
    config: TrainingConfigOverrides.optional(),
    from: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .meta({ description: 'A model (id or alias) whose weights the run starts from.' }),
    tags: z.array(z.string().min(1).max(64)).max(20).optional(),
    webhook: WebhookRequest.optional().meta({ description: 'Where events of the run are also sent.' }),
  })
  .meta({ id: 'RunRequest', example: { preset: 'quick', seed: 1 } });
export type RunRequest = z.infer<typeof RunRequest>;

export const Run = z
  .strictObject({
    id: RunId,
    name: z.string(),
    state: RunState,
    preset: PresetName,
    dataset: DatasetId,
    seed: z.int(),
    config: TrainingConfig,
    from: ModelId.optional(),
    tags: z.array(z.string()),
    progress: RunProgress,
    metrics: RunMetrics.meta({ description: 'The latest value of each metric; empty at first.' }),
    device: z.string().nullable().meta({ description: 'Device that it trains on, once it is known.' }),
    error: RunError.optional(),
    best: Validation.optional().meta({
      description:
        'The checkpoint with the best validation score so far. The run publishes its weights when it ends.',
    }),
    evaluation: Evaluation.optional().meta({ description: 'Evaluation of the published model.' }),
    diagnoses: z.array(Diagnosis).optional().meta({ description: 'Known failures detected so far.' }),
    modelId: ModelId.optional().meta({ description: 'The published model, once the run succeeded.' }),
    createdAt: Timestamp,
    startedAt: Timestamp.nullable(),
    finishedAt: Timestamp.nullable(),
    webhook: Webhook.optional(),
    links: z.strictObject({
      self: z.string(),
      events: z.string(),
      metrics: z.string(),
      checkpoints: z.string(),
      figures: z.string(),
      films: z.string(),
      report: z.string(),
      model: z.string().optional(),
    }),
  })
  .meta({ id: 'Run' });
export type Run = z.infer<typeof Run>;
/** A run as stored, without links. */
export type RunRecord = Omit<Run, 'links'>;

export const CheckpointInfo = z
  .strictObject({
    iteration: z.int(),
    digest: Digest.meta({ description: 'SHA-256 of the weights that are served.' }),
    stateDigest: Digest.meta({ description: 'SHA-256 of the weights and the optimiser state.' }),
    createdAt: Timestamp,
    bytes: z.int(),
  })
  .meta({ id: 'Checkpoint' });
export type CheckpointInfo = z.infer<typeof CheckpointInfo>;

const event = <T extends string, S extends z.ZodType>(type: T, data: S) =>
  z.strictObject({ type: z.literal(type), data });

/** Events of a run. Each is an entry of its durable stream, and one server-sent event. */
export const RunEventBody = z
  .discriminatedUnion('type', [
    event('state', z.strictObject({ state: RunState })),
    event('progress', RunProgress),
    event('metrics', z.looseObject({ iteration: z.int() }).catchall(z.number().nullable())),
    event('sample', z.strictObject({ iteration: z.int(), figure: z.string() })),
    event('checkpoint', z.strictObject({ iteration: z.int(), digest: Digest })),
    event('validation', Validation),
    event('evaluation', Evaluation),
    event('diagnosis', Diagnosis),
    event('log', z.strictObject({ level: z.enum(['info', 'warn', 'error']), message: z.string() })),
    event('end', z.strictObject({ state: RunState })),
  ])
  .meta({ id: 'RunEventBody' });
export type RunEventBody = z.infer<typeof RunEventBody>;

export const EventId = z.string().regex(/^\d+-\d+$/, 'must look like 1732450000000-0');

export const RunEvent = z
  .strictObject({
    id: EventId.meta({ description: 'Durable id; the same for SSE, JSON and Last-Event-ID.' }),
    type: z.string(),
    data: z.record(z.string(), z.json()),
  })
  .meta({ id: 'RunEvent' });
export type RunEvent = z.infer<typeof RunEvent>;

/** Events that a client of a run's event stream may receive. */
export const StreamedEvent = z
  .discriminatedUnion('type', [...RunEventBody.options, event('reset', Run)])
  .meta({
    id: 'StreamedEvent',
    description:
      'One server-sent event: `type` is its event field, `data` its data. `reset` is a snapshot of the run, sent when the id to continue after is unknown.',
  });
