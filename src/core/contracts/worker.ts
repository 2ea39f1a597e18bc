import { z } from 'zod';
import { RunId } from './common.ts';
import { EngineFacts } from './engine.ts';
import { RunError } from './run.ts';

/** A Redis server by URL, or a private one by its unix socket. */
export const RedisTarget = z.union([
  z.strictObject({ url: z.string() }),
  z.strictObject({ path: z.string() }),
]);
export type RedisTarget = z.infer<typeof RedisTarget>;

/** Where a run child finds its run's record and data. */
export const RunChildSettings = z.strictObject({
  redis: RedisTarget,
  /** The first part of every name in Redis. */
  keyPrefix: z.string(),
  /** The store: a folder, or `s3://bucket/prefix`. */
  storeRoot: z.string(),
  /** Folder of the datasets. */
  dataDir: z.string(),
});
export type RunChildSettings = z.infer<typeof RunChildSettings>;

/** IPC messages from a worker to its run child. */
export const ToRunChild = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('start'),
    runId: RunId,
    fence: z.int(),
    settings: RunChildSettings,
    /** The `traceparent` of the run, if traces are enabled. */
    trace: z.string().optional(),
  }),
  /** Stop within a step. `cancel` ends the run, `pause` and `requeue` write a checkpoint first. */
  z.strictObject({ type: z.literal('stop'), reason: z.enum(['cancel', 'pause', 'requeue']) }),
]);
export type ToRunChild = z.infer<typeof ToRunChild>;

/** IPC messages from a run child. It exits after its outcome; an exit without one is a crash. */
export const FromRunChild = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready') }),
  EngineFacts.extend({ type: z.literal('facts') }),
  z.strictObject({ type: z.literal('succeeded'), modelId: z.string() }),
  z.strictObject({ type: z.literal('stopped'), reason: z.enum(['cancel', 'pause', 'requeue']) }),
  z.strictObject({ type: z.literal('failed'), error: RunError }),
]);
export type FromRunChild = z.infer<typeof FromRunChild>;

/** IPC messages from the server to its worker process. */
export const ToWorker = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('start'),
    redis: RedisTarget,
    dataDir: z.string(),
    storeRoot: z.string(),
    /** Whether traces are enabled. */
    traces: z.boolean().optional(),
  }),
  /** Checkpoint the run, requeue it and end. */
  z.strictObject({ type: z.literal('shutdown') }),
]);
export type ToWorker = z.infer<typeof ToWorker>;
