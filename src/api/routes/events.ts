import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { EventId, isFinished, RunEvent, type RunRecord, StreamedEvent } from '../../core/contracts/run.ts';
import { STREAM_START } from '../../runs/redis/events.ts';
import type { App, RouteDeps } from '../context.ts';
import { problems } from '../problem.ts';
import { withLinks } from '../runs/links.ts';
import { eventStream, type SentEvent, StreamCounter } from '../runs/sse.ts';
import { empty, page, queryInt, RunParams, withDefault } from '../schemas.ts';

const EVENT_STREAM = 'text/event-stream';

export function eventRoutes(app: App, deps: RouteDeps): void {
  const streams = new EventStreams(deps);
  app.addHook('preClose', async () => streams.close());
  getRunEvents(app, deps, streams);
}

function getRunEvents(app: App, { runs, events }: RouteDeps, streams: EventStreams): void {
  app.get(
    '/runs/:run/events',
    {
      config: { produces: ['application/json', EVENT_STREAM] },
      schema: {
        operationId: 'getRunEvents',
        tags: ['runs'],
        summary: 'Events of a run, past and live',
        description:
          'As `text/event-stream`: all events from the start or after Last-Event-ID, then live events until `end`. ' +
          'If that id is unknown, the first event is `reset` with a snapshot of the run. As JSON: a page of the same events.',
        params: RunParams,
        headers: z.looseObject({
          'last-event-id': z.string().max(100).optional().meta({ description: 'Continue after this event.' }),
        }),
        querystring: z.strictObject({
          after: z.string().max(100).optional().meta({ description: 'Only events after this one.' }),
          limit: withDefault(queryInt(1, 200, 'Most events per JSON page.'), 50),
        }),
        response: {
          200: {
            description: 'The events.',
            content: {
              'application/json': { schema: page(RunEvent, 'RunEventPage') },
              [EVENT_STREAM]: { schema: StreamedEvent },
            },
          },
          204: empty('The run ended and the client has its last event: do not reconnect.'),
          ...problems('run_not_found', 'too_many_streams', 'redis_unavailable'),
        },
        'x-doc': { headers: ['Cache-Control'] },
      },
    },
    async (request, reply) => {
      const { after, limit } = request.query;
      const run = await runs.get(request.params.run);
      reply.header('cache-control', 'no-store');
      if (request.answerType === EVENT_STREAM) {
        return await streams.send(reply, run, request.headers['last-event-id'] || after);
      }
      const found = await events.read(run.id, { after, limit: limit + 1 });
      const items = found.slice(0, limit);
      return reply.send({ items, nextCursor: found.length > limit ? items.at(-1)!.id : null });
    },
  );
}

/** The open event streams of an application. */
class EventStreams {
  readonly #deps: RouteDeps;
  readonly #counter: StreamCounter;
  readonly #open = new Set<{ destroy(): void }>();

  constructor(deps: RouteDeps) {
    this.#deps = deps;
    this.#counter = new StreamCounter(deps.limits.streamsPerKey);
  }

  /** Ends every stream, so that the application can close. */
  close(): void {
    for (const stream of this.#open) stream.destroy();
  }

  /**
   * Sends a run's events after the event with the id `after`, or all of them, and follows the run until it ends.
   * @throws too_many_streams
   */
  async send(reply: FastifyReply, run: RunRecord, after: string | undefined): Promise<FastifyReply> {
    const { events, hub, limits } = this.#deps;
    const isKnown =
      after === undefined || (EventId.safeParse(after).success && (await events.knows(run.id, after)));
    if (isKnown && isFinished(run.state)) {
      const newest = await events.newest(run.id);
      if (newest?.type === 'end' && newest.id === after) return reply.code(204).send();
    }
    const { request } = reply;
    reply.type(`${EVENT_STREAM}; charset=utf-8`).header('x-accel-buffering', 'no');
    if (request.method === 'HEAD') return reply.send();
    const leave = this.#counter.enter(request.caller?.id ?? request.ip);
    const stream = eventStream(
      (signal) =>
        isKnown ? hub.subscribe(run.id, { after, signal }) : fromSnapshot(this.#deps, run.id, signal),
      limits.keepAliveMs,
    );
    this.#open.add(stream);
    stream.once('close', () => {
      this.#open.delete(stream);
      leave();
    });
    // The client may have disconnected before the stream existed.
    reply.onCallEnd(() => stream.destroy());
    return reply.send(stream);
  }
}

/**
 * Events for a client whose last event is unknown: a snapshot of the run under the id of the newest event, then the
 * events that follow.
 */
async function* fromSnapshot(
  { events, runs, hub }: RouteDeps,
  runId: string,
  signal: AbortSignal,
): AsyncGenerator<SentEvent> {
  // Read before the snapshot: an event between the two is sent twice rather than never.
  const newest = await events.newest(runId);
  const run = await runs.get(runId);
  const id = newest?.id ?? STREAM_START;
  yield { id, type: 'reset', data: withLinks(run) };
  if (newest?.type === 'end') yield newest;
  else yield* hub.subscribe(runId, { after: id, signal });
}
