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
  say(iteration: number): Promise<void>;
  end(): Promise<void>;
}> {
  const { body } = await api().post('/runs').expect(202);
  const fence = (await server.runs.take({ runId: body.id, number: 1 }))!;
  return {
    id: body.id,
    fence,
    say: async (iteration) => {
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

interface Told {
  id: string;
  type: string;
  data: Record<string, unknown>;
}

/** Reads events until `enough` returns true, and returns them. */
function listen(path: string, headers: Record<string, string> = {}) {
  const told: Told[] = [];
  let check = (): void => {};
  const source = new EventSource(`${server.url}${path}`, {
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...headers } }),
  });
  for (const type of TYPES) {
    source.addEventListener(type, (event) => {
      told.push({ id: event.lastEventId, type, data: JSON.parse(event.data) });
      check();
    });
  }
  return {
    source,
    told,
    until: (enough: (told: Told[]) => boolean) =>
      new Promise<Told[]>((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`only heard ${JSON.stringify(told)}`)), 10_000);
        check = () => {
          if (!enough(told)) return;
          clearTimeout(late);
          resolve(told);
        };
        check();
      }),
  };
}

const ended = (told: Told[]): boolean => told.at(-1)?.type === 'end';
const asJson = async (id: string): Promise<RunEvent[]> =>
  (await api().get(`/runs/${id}/events?limit=200`).expect(200)).body.items;

test('a stream sends past and live events, and a client that has the end gets 204', async () => {
  const run = await startRun();
  await run.say(10);
  const { source, until: untilTold } = listen(`/runs/${run.id}/events`);
  await untilTold((told) => told.some(({ type }) => type === 'metrics'));
  await run.say(20);
  await run.end();
  const told = await untilTold(ended);
  assert.deepEqual(
    told.map(({ type, data }) => data.iteration ?? data.state ?? type),
    ['queued', 'running', 10, 20, 'failed', 'failed'],
  );
  assert.deepEqual(
    told.map(({ id, type, data }) => ({ id, type, data })),
    await asJson(run.id),
  );
  // The connection closes. The client reconnects with the last id and gets 204, which ends its attempts.
  await until('the client to stop', async () => source.readyState === source.CLOSED);
  assert.equal(told.length, 6);
});

test('a client continues exactly after its last event', async () => {
  const run = await startRun();
  for (const iteration of [10, 20, 30]) await run.say(iteration);
  const events = await asJson(run.id);
  const { source, until } = listen(`/runs/${run.id}/events`, { 'last-event-id': events[2]!.id });
  await until((told) => told.length >= 2);
  await run.say(40);
  const told = await until((all) => all.length >= 3);
  source.close();
  assert.deepEqual(
    told.map(({ data }) => data.iteration),
    [20, 30, 40],
  );
});

test('an unknown event id is answered with a snapshot, then with live events', async () => {
  const run = await startRun();
  await run.say(10);
  for (const id of ['1-1', 'nonsense']) {
    const { source, until } = listen(`/runs/${run.id}/events`, { 'last-event-id': id });
    const [reset] = await until((told) => told.length >= 1);
    assert.equal(reset!.type, 'reset');
    assert.deepEqual([reset!.data.id, reset!.data.state], [run.id, 'running']);
    assert.equal(reset!.id, (await asJson(run.id)).at(-1)!.id);
    source.close();
  }
  const { source, until } = listen(`/runs/${run.id}/events`, { 'last-event-id': '1-1' });
  await until((told) => told.length >= 1);
  await run.end();
  assert.deepEqual(
    (await until(ended)).map(({ type }) => type),
    ['reset', 'state', 'end'],
  );
  source.close();

  const late = listen(`/runs/${run.id}/events`, { 'last-event-id': '1-1' });
  assert.deepEqual(
    (await late.until(ended)).map(({ type }) => type),
    ['reset', 'end'],
  );
  late.source.close();
});

test('comments keep a quiet stream open, and a stream whose client disconnects is released', async () => {
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
  assert.equal(server.hub.subscribers > 0, true);
  await until('the subscription to end', async () => server.hub.subscribers === 0);
});

test('JSON returns the same events page by page', async () => {
  const run = await startRun();
  for (const iteration of [10, 20, 30]) await run.say(iteration);
  const all = await asJson(run.id);
  assert.equal(all.length, 5);
  const seen: RunEvent[] = [];
  for (let after = ''; ; ) {
    const { body } = await api()
      .get(`/runs/${run.id}/events?limit=2${after && `&after=${after}`}`)
      .expect(200);
    seen.push(...body.items);
    if (body.nextCursor === null) break;
    after = body.nextCursor;
  }
  assert.deepEqual(seen, all);
  assertProblem(await api().get(`/runs/${run.id}/events?after=x`), 400, 'validation_failed');
  assertProblem(await api().get(`/runs/${run.id}/events?limit=0`), 400, 'validation_failed');
  const head = await api().head(`/runs/${run.id}/events`).set('accept', 'text/event-stream').expect(200);
  assert.match(head.headers['content-type']!, /event-stream/);
});

test('many clients receive the same events', async () => {
  const run = await startRun();
  const clients = Array.from({ length: 20 }, () => listen(`/runs/${run.id}/events`));
  await Promise.all(clients.map(({ until }) => until((told) => told.length >= 2)));
  await run.say(10);
  await run.end();
  const heard = await Promise.all(clients.map(({ until }) => until(ended)));
  for (const { source } of clients) source.close();
  for (const told of heard) assert.deepEqual(told, heard[0]);
});

test('closing the server ends open streams', async () => {
  // Keep-alive comments are off, since writing one could end the streams by chance.
  const own = await startServer({ inference: server.inference, limits: { keepAliveMs: 3_600_000 } });
  try {
    const { body } = await request(own.url).post('/runs').expect(202);
    const response = await fetch(`${own.url}${body.links.events}`, {
      headers: { accept: 'text/event-stream' },
    });
    const chunks = response.body!.pipeThrough(new TextDecoderStream());
    const heard = new EventEmitter();
    let text = '';
    const reading = (async () => {
      for await (const chunk of chunks) {
        text += chunk;
        heard.emit('chunk');
      }
    })();
    while (!/event: state\ndata: .*"queued".*\n\n/.test(text)) await once(heard, 'chunk');
    assert.equal(own.hub.subscribers, 1);
    await own.app.close();
    // The stream has ended, completely or not.
    await Promise.allSettled([reading]);
    assert.equal(own.hub.subscribers, 0);
  } finally {
    await own.close();
  }
});
