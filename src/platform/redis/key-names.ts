/** All names that Stylograph uses in Redis. */
export interface Keys {
  /** BullMQ's prefix and the name of its queue of runs. */
  readonly bullPrefix: string;
  readonly bullQueue: string;
  /** Sorted set of all run ids. All scores are 0, since the ids themselves sort by time. */
  readonly runs: string;
  /** Set: the runs that wait for a worker. */
  readonly queued: string;
  /** Set: the runs that are neither finished nor paused. Each must have a job. */
  readonly live: string;
  /** BullMQ's queue of webhook deliveries. */
  readonly webhookQueue: string;
  /** Stream: events that are not yet in the queue of deliveries. */
  readonly outbox: string;
  /** List: delivery attempts of a run as JSON, newest first. */
  deliveries(id: string): string;
  /** Channel: requests to stop a run, `{runId, reason}`. */
  readonly stops: string;
  /** String: the identity of the store that is paired with this Redis. */
  readonly store: string;
  /** Channel: the ids of published models. */
  readonly published: string;
  /** Hash: the record of a run, with one JSON value per field. Fields that start with `_` are internal. */
  run(id: string): string;
  /** Stream: the events of a run, one entry per event. */
  events(id: string): string;
  /** Stream: the metrics of a run. The iteration is the first part of the entry id. */
  metrics(id: string): string;
  /** Hash: the last appended iteration per mark. */
  marks(id: string): string;
  /** Expiring string: the latest report of the run's process about itself, as JSON. */
  engine(id: string): string;
  /** Expiring string: the id of the API key of a browser session, by the digest of the session's token. */
  session(digest: string): string;
  /** Hash: the run that an idempotency key created, and the digest of the request body. */
  idempotency(key: string): string;
  /** List: one entry per API process that has loaded the model or failed to. */
  loaded(modelId: string): string;
  /** Stream: wakes a blocking reader, so that it notices new subscriptions. */
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
