import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { after, before, test } from 'node:test';
import { EventSource } from 'eventsource';
import request from 'supertest';
import type { RunEvent } from '../../src/core/contracts/run.ts';
import { until } from '../runs/support.ts';
import { assertProblem, startServer, type TestServer } from './test-server.ts';

let server: TestServer;
const api = () => request(server.url);
before(async () => {
  server = await startServer({ limits: { keepAliveMs: 50 } });
});
after(() => server.close());

const TYPES = ['state', 'progress', 'metrics', 'log', 'reset', 'end'];

async function startRun(): Promise<{
  id: string;
  fence: number;
  append(iteration: number): Promise<void>;
  end(): Promise<void>;
}> {
  const { body } = await api().post('/runs').expect(202);
  const fence = (await server.runs.take({ runId: body.id, number: 1 }))!;
  return {
    id: body.id,
    fence,
    append: async (iteration) => {
      await server.events.append(body.id, fence, {
        type: 'metrics',
        data: { iteration, ganLoss: iteration },
      });
    },
    end: async () => {
      await server.runs.settle(body.id, fence, 'failed');
    },
  };
}

interface Received {
  id: string;
  type: string;
  data: Record<string, unknown>;
}

/** Opens an event stream. `until` resolves to the events so far once `isEnough` accepts them. */
function listen(path: string, headers: Record<string, string> = {}) {
  const received: Received[] = [];
  let check = (): void => {};
  const source = new EventSource(`${server.url}${path}`, {
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...headers } }),
  });
  for (const type of TYPES) {
    source.addEventListener(type, (event) => {
      received.push({ id: event.lastEventId, type, data: JSON.parse(event.data) });
      check();
    });
  }
  return {
    source,
    until: (isEnough: (events: Received[]) => boolean) =>
      new Promise<Received[]>((resolve, reject) => {
        const timeout = setTimeout(
          () => reject(new Error(`only received ${JSON.stringify(received)}`)),
          10_000,
        );
        check = () => {
          if (!isEnough(received)) return;
          clearTimeout(timeout);
          resolve(received);
        };
        check();
      }),
  };
}

const hasEnded = (events: Received[]): boolean => events.at(-1)?.type === 'end';
const asJson = async (id: string): Promise<RunEvent[]> =>
  (await api().get(`/runs/${id}/events?limit=200`).expect(200)).body.items;

test('a stream sends stored and live events, and a client that reconnects after the end gets 204', async () => {
  const run = await startRun();
  await run.append(10);
  const { source, until: untilReceived } = listen(`/runs/${run.id}/events`);
  await untilReceived((events) => events.some(({ type }) => type === 'metrics'));
  await run.append(20);
  await run.end();
  const received = await untilReceived(hasEnded);
  assert.deepEqual(
    received.map(({ type, data }) => data.iteration ?? data.state ?? type),
    ['queued', 'running', 10, 20, 'failed', 'failed'],
  );
  assert.deepEqual(
    received.map(({ id, type, data }) => ({ id, type, data })),
    await asJson(run.id),
  );
  // When the stream closes, the client reconnects with its last id. The 204 makes it stop.
  await until('the client to stop', async () => source.readyState === source.CLOSED);
  assert.equal(received.length, 6);
});

test('a client that reconnects with its last event id continues after that event', async () => {
  const run = await startRun();
  for (const iteration of [10, 20, 30]) await run.append(iteration);
  const events = await asJson(run.id);
  const { source, until } = listen(`/runs/${run.id}/events`, { 'last-event-id': events[2]!.id });
  await until((events) => events.length >= 2);
  await run.append(40);
  const received = await until((events) => events.length >= 3);
  source.close();
  assert.deepEqual(
    received.map(({ data }) => data.iteration),
    [20, 30, 40],
  );
});

test('a client with an unknown event id gets a snapshot, then live events', async () => {
  const run = await startRun();
  await run.append(10);
  for (const id of ['1-1', 'nonsense']) {
    const { source, until } = listen(`/runs/${run.id}/events`, { 'last-event-id': id });
    const [reset] = await until((events) => events.length >= 1);
    assert.equal(reset!.type, 'reset');
    assert.deepEqual([reset!.data.id, reset!.data.state], [run.id, 'running']);
    assert.equal(reset!.id, (await asJson(run.id)).at(-1)!.id);
    source.close();
  }
  const { source, until } = listen(`/runs/${run.id}/events`, { 'last-event-id': '1-1' });
  await until((events) => events.length >= 1);
  await run.end();
  assert.deepEqual(
    (await until(hasEnded)).map(({ type }) => type),
    ['reset', 'state', 'end'],
  );
  source.close();

  const late = listen(`/runs/${run.id}/events`, { 'last-event-id': '1-1' });
  assert.deepEqual(
    (await late.until(hasEnded)).map(({ type }) => type),
    ['reset', 'end'],
  );
  late.source.close();
});

test('an idle stream sends keep-alive comments and ends its subscription when the client disconnects', async () => {
  const run = await startRun();
  const controller = new AbortController();
  const response = await fetch(`${server.url}/runs/${run.id}/events`, {
    headers: { accept: 'text/event-stream' },
    signal: controller.signal,
  });
  assert.match(response.headers.get('content-type')!, /^text\/event-stream/);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk as Uint8Array);
    if (/(: still here\n\n.*){2}/s.test(text)) break;
  }
  controller.abort();
  assert.ok(server.hub.subscribers > 0);
  await until('the subscription to end', async () => server.hub.subscribers === 0);
});

test('the events as JSON pages are complete and in order, and invalid queries are rejected', async () => {
  const run = await startRun();
  for (const iteration of [10, 20, 30]) await run.append(iteration);
  const all = await asJson(run.id);
  assert.equal(all.length, 5);
  const paged: RunEvent[] = [];
  for (let after = ''; ; ) {
    const { body } = await api()
      .get(`/runs/${run.id}/events?limit=2${after && `&after=${after}`}`)
      .expect(200);
    paged.push(...body.items);
    if (body.nextCursor === null) break;
    after = body.nextCursor;
  }
  assert.deepEqual(paged, all);
  assertProblem(await api().get(`/runs/${run.id}/events?after=x`), 400, 'validation_failed');
  assertProblem(await api().get(`/runs/${run.id}/events?limit=0`), 400, 'validation_failed');
  const head = await api().head(`/runs/${run.id}/events`).set('accept', 'text/event-stream').expect(200);
  assert.match(head.headers['content-type']!, /event-stream/);
});

test('many clients of one run receive the same events', async () => {
  const run = await startRun();
  const clients = Array.from({ length: 20 }, () => listen(`/runs/${run.id}/events`));
  await Promise.all(clients.map(({ until }) => until((events) => events.length >= 2)));
  await run.append(10);
  await run.end();
  const received = await Promise.all(clients.map(({ until }) => until(hasEnded)));
  for (const { source } of clients) source.close();
  for (const events of received) assert.deepEqual(events, received[0]);
});

test('closing the server ends open streams', async () => {
  // No keep-alive comments: writing one to a closed stream could end it and hide a failure.
  const own = await startServer({ inference: server.inference, limits: { keepAliveMs: 3_600_000 } });
  try {
    const { body } = await request(own.url).post('/runs').expect(202);
    const response = await fetch(`${own.url}${body.links.events}`, {
      headers: { accept: 'text/event-stream' },
    });
    const chunks = response.body!.pipeThrough(new TextDecoderStream());
    const reader = new EventEmitter();
    let text = '';
    const reading = (async () => {
      for await (const chunk of chunks) {
        text += chunk;
        reader.emit('chunk');
      }
    })();
    while (!/event: state\ndata: .*"queued".*\n\n/.test(text)) await once(reader, 'chunk');
    assert.equal(own.hub.subscribers, 1);
    await own.app.close();
    // The stream may end with an error.
    await Promise.allSettled([reading]);
    assert.equal(own.hub.subscribers, 0);
  } finally {
    await own.close();
  }
});
