/** Every name Stylograph uses in Redis, built in this one place. */
export interface Keys {
  /** BullMQ's own prefix and queue name. */
  readonly bullPrefix: string;
  readonly bullQueue: string;
  /** Sorted set of all run ids, all with score 0: they sort by time themselves. */
  readonly runs: string;
  /** Set of the runs that wait for a worker. */
  readonly queued: string;
  /** Set of the runs that are neither finished nor paused: each must have a job. */
  readonly live: string;
  /** BullMQ's queue of webhook deliveries, and the stream of what is to become one. */
  readonly webhookQueue: string;
  readonly outbox: string;
  /** List: deliveries that were tried for a run, newest first, as JSON. */
  deliveries(id: string): string;
  /** Channel: `{runId, reason}` asks the run's worker to stop it. */
  readonly stops: string;
  /** String: the identity of the store that runs keep their results in. */
  readonly store: string;
  /** Channel: a model was published. */
  readonly published: string;
  /** Hash: the record of a run, one JSON value a field, and what only the queue needs (`_…`). */
  run(id: string): string;
  /** Stream: what happened, one entry an event. */
  events(id: string): string;
  /** Stream: metrics alone, under ids that are iterations. */
  metrics(id: string): string;
  /** Hash: the highest iteration told, per kind of event. */
  marks(id: string): string;
  /** String that expires: what the run's process told of itself last, as JSON. */
  engine(id: string): string;
  /** String that expires: the id of the API key behind a browser session, by the digest of its token. */
  session(digest: string): string;
  /** Hash: the run an idempotency key created, and the digest of the body it came with. */
  idempotency(key: string): string;
  /** List: one entry from every API process that has loaded the model, or could not. */
  loaded(modelId: string): string;
  /** Stream: wakes one blocking reader so that it notices new subscriptions. */
  wake(reader: string): string;
}

export const DEFAULT_PREFIX = 'stylograph';

export function redisKeys(prefix: string = DEFAULT_PREFIX): Keys {
  return {
    bullPrefix: `${prefix}:bull`,
    bullQueue: 'runs',
    webhookQueue: 'webhooks',
    outbox: `${prefix}:outbox`,
    deliveries: (id) => `${prefix}:run:${id}:deliveries`,
    runs: `${prefix}:runs`,
    queued: `${prefix}:queued`,
    live: `${prefix}:live`,
    stops: `${prefix}:stops`,
    store: `${prefix}:store`,
    published: `${prefix}:published`,
    run: (id) => `${prefix}:run:${id}`,
    events: (id) => `${prefix}:run:${id}:events`,
    metrics: (id) => `${prefix}:run:${id}:metrics`,
    marks: (id) => `${prefix}:run:${id}:marks`,
    engine: (id) => `${prefix}:run:${id}:engine`,
    session: (digest) => `${prefix}:session:${digest}`,
    idempotency: (key) => `${prefix}:idempotency:${key}`,
    loaded: (modelId) => `${prefix}:loaded:${modelId}`,
    wake: (reader) => `${prefix}:wake:${reader}`,
  };
}
