import { z } from 'zod';
import { EventId, isFinished, RunEvent, StreamedEvent } from '../../core/contracts/run.ts';
import { STREAM_START } from '../../runs/redis/events.ts';
import { type ApiDeps, limitsOf } from '../deps.ts';
import { onceOver } from '../plugins/over.ts';
import { problems } from '../problem.ts';
import { withLinks } from '../runs/links.ts';
import { eventStream } from '../runs/sse.ts';
import { StreamCounter } from '../runs/streams.ts';
import { page, queryInt, withDefault } from '../schemas.ts';
import type { App } from './context.ts';
import { RunParams } from './runs.ts';

const EVENT_STREAM = 'text/event-stream';

/**
 * What a client gets that asks to go on after an event nobody knows: the run as it is now, under the id of the
 * newest event, then what follows.
 */
async function* fromSnapshot(deps: ApiDeps, runId: string, signal: AbortSignal): AsyncGenerator<RunEvent> {
  // The position before the snapshot: what happens between the two is told twice rather than not at all.
  const newest = await deps.events.newest(runId);
  const run = await deps.runs.get(runId);
  const id = newest?.id ?? STREAM_START;
  yield { id, type: 'reset', data: withLinks(run) as unknown as RunEvent['data'] };
  if (newest?.type === 'end') yield newest;
  else yield* deps.hub.subscribe(runId, { after: id, signal });
}

export async function eventRoutes(app: App, deps: ApiDeps): Promise<void> {
  const { keepAliveMs, streamsPerKey } = limitsOf(deps);
  const open = new Set<{ destroy(): void }>();
  const streams = new StreamCounter(streamsPerKey);
  app.addHook('preClose', async () => {
    for (const stream of open) stream.destroy();
  });

  app.get(
    '/runs/:run/events',
    {
      config: { produces: ['application/json', EVENT_STREAM] },
      schema: {
        operationId: 'getRunEvents',
        tags: ['runs'],
        summary: 'What a run says, live or so far',
        description:
          'As `text/event-stream`: all events from the start or after Last-Event-ID, then live ones until `end`. When that id is ' +
          'not known the first event is `reset` with the run as it is. As JSON: a page of the same events.',
        params: RunParams,
        headers: z.looseObject({
          'last-event-id': z.string().max(100).optional().meta({ description: 'Go on after this event.' }),
        }),
        querystring: z.strictObject({
          after: z.string().max(100).optional().meta({ description: 'Only what came after this event.' }),
          limit: withDefault(queryInt(1, 200, 'Most events of a JSON page.'), 50),
        }),
        response: {
          200: {
            description: 'The events.',
            content: {
              'application/json': { schema: page(RunEvent, 'RunEventPage') },
              [EVENT_STREAM]: { schema: StreamedEvent },
            },
          },
          204: z
            .undefined()
            .meta({ description: 'The run is over and the client has seen its end: do not connect again.' }),
          ...problems('run_not_found', 'too_many_streams', 'redis_unavailable'),
        },
        'x-doc': { headers: ['Cache-Control'] },
      },
    },
    async (request, reply) => {
      const { params, query } = request;
      const run = await deps.runs.get(params.run);
      reply.header('cache-control', 'no-store');
      if (request.answerType !== EVENT_STREAM) {
        const { limit } = query;
        const items = await deps.events.read(run.id, { after: query.after, limit: limit + 1 });
        const shown = items.slice(0, limit);
        return reply.send({ items: shown, nextCursor: items.length > limit ? shown.at(-1)!.id : null });
      }
      const after = request.headers['last-event-id'] || query.after;
      const known =
        after === undefined || (EventId.safeParse(after).success && (await deps.events.knows(run.id, after)));
      if (known && isFinished(run.state)) {
        const newest = await deps.events.newest(run.id);
        if (newest?.type === 'end' && newest.id === after) return reply.code(204).send();
      }
      reply.type(`${EVENT_STREAM}; charset=utf-8`).header('x-accel-buffering', 'no');
      if (request.method === 'HEAD') return reply.send(undefined as never);
      const leave = streams.enter(request.caller?.id ?? request.ip);
      const stream = eventStream(
        (signal) =>
          known ? deps.hub.subscribe(run.id, { after, signal }) : fromSnapshot(deps, run.id, signal),
        keepAliveMs,
      );
      open.add(stream);
      stream.once('close', () => {
        open.delete(stream);
        leave();
      });
      // Also of a client that left before there was a stream to end.
      onceOver(reply, () => stream.destroy());
      return reply.send(stream as never);
    },
  );
}
