import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import request from 'supertest';
import type { ApiDeps } from '../../src/api/deps.ts';
import { newModelId } from '../../src/core/contracts/common.ts';
import { type AuditEntry, KeyRing } from '../../src/platform/keys/index.ts';
import { Metrics } from '../../src/platform/telemetry/index.ts';
import { openFolderStore } from '../../src/store/local-store.ts';
import { ModelRegistry } from '../../src/store/models.ts';
import { until } from '../runs/support.ts';
import { publishModel, startServer, type TestServer } from './test-server.ts';

/** A registry whose deletions report their start and wait to be released. */
class HeldRegistry extends ModelRegistry {
  readonly removals = new EventEmitter();

  override async remove(id: string): Promise<void> {
    const mayGoOn = once(this.removals, 'may go on');
    this.removals.emit('begun');
    await mayGoOn;
    await super.remove(id);
  }

  goOn(): void {
    this.removals.emit('may go on');
  }
}

const folder = mkdtempSync(join(tmpdir(), 'stylograph-leaving-'));
const audited: AuditEntry[] = [];
const spans: { method: string; route: string | undefined; status: number | undefined }[] = [];
let started = 0;
const tracing: NonNullable<ApiDeps['tracing']> = {
  startRequest: (method) => {
    started++;
    return { enter: (next) => next(), end: (route, status) => spans.push({ method, route, status }) };
  },
};
const meter = new Metrics();
let models: HeldRegistry;
let server: TestServer;
before(async () => {
  const store = await openFolderStore(folder);
  models = new HeldRegistry(store);
  const keys = await KeyRing.open({ specs: ['admin:of-an-operator'] });
  server = await startServer({ store, models, keys, meter, tracing, audit: (entry) => audited.push(entry) });
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const head = (line: string, ...headers: string[]): string =>
  `${[`${line} HTTP/1.1`, 'host: localhost', 'authorization: Bearer of-an-operator', ...headers].join('\r\n')}\r\n\r\n`;

function dial({ url }: TestServer, sent: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(sent);
  return socket;
}

/** Resolves when the server has noticed a new or a closed connection. */
const untilConnected = ({ app }: TestServer, clients: number): Promise<boolean> =>
  until(`${clients} connections`, () => {
    return new Promise<boolean>((resolve) =>
      app.server.getConnections((_, count) => resolve(count === clients)),
    );
  });

const measured = async (labels: string): Promise<number> => {
  const [, count = '0'] =
    new RegExp(`^stylograph_http_request_duration_seconds_count\\{${labels}\\} (\\d+)$`, 'm').exec(
      await meter.text(),
    ) ?? [];
  return Number(count);
};

const firstEntry = (): Promise<AuditEntry> => until('an entry', async () => audited[0] ?? false);

/** Sends a request to delete a model, and disconnects while it is in progress. */
async function removeAndLeave(id: string): Promise<void> {
  audited.length = 0;
  spans.length = 0;
  const begun = once(models.removals, 'begun');
  const socket = dial(server, head(`DELETE /models/${id}`));
  await begun;
  socket.destroy();
  await untilConnected(server, 0);
}

test('a change whose client disconnects is logged once in the audit log, with its outcome', async () => {
  await publishModel(models);
  const { id } = await publishModel(models, { seed: 2 });
  await models.setAlias('mine', id);
  await removeAndLeave(id);
  assert.deepEqual(audited, [], 'nobody knows yet how it will end');
  models.goOn();
  const held = await firstEntry();
  assert.deepEqual(
    [held.action, held.outcome, held.status, held.subject],
    ['deleteModel', 'failed', 409, `/models/${id}`],
  );

  await models.removeAlias('mine');
  await publishModel(models, { seed: 3 });
  await removeAndLeave(id);
  models.goOn();
  const done = await firstEntry();
  assert.deepEqual([done.outcome, done.status], ['done', 204]);
  await assert.rejects(models.get(id));

  await request(server.url).delete('/models/not-an-id').auth('of-an-operator', { type: 'bearer' });
  await until('the next entry', async () => audited.length > 1);
  assert.deepEqual(
    audited.map(({ status }) => status),
    [204, 404],
  );
});

test('a call to the queue board is logged with an unknown outcome when its client disconnects', async () => {
  // The board is built at the first request for it.
  await request(server.url).get('/queues').auth('of-an-operator', { type: 'bearer' }).expect(200);
  audited.length = 0;
  const json = ['content-type: application/json', 'content-length: 100'];
  const socket = dial(server, `${head('PUT /queues/api/queues/pause', ...json)}{`);
  await untilConnected(server, 1);
  // The same event loop answers this request later, so the other one has been handed over by then.
  await request(server.url).get('/queues/api/queues').auth('of-an-operator', { type: 'bearer' }).expect(200);
  socket.destroy();
  const entry = await firstEntry();
  assert.deepEqual([entry.outcome, 'status' in entry], ['unknown', false]);
});

test('a call whose client disconnects is measured as 499, and its span ends', async () => {
  const labels = 'method="DELETE",route="/models/:model",status="499"';
  const before = await measured(labels);
  await removeAndLeave(newModelId());
  await until('a measurement', async () => (await measured(labels)) === before + 1);
  assert.deepEqual(spans, [{ method: 'DELETE', route: '/models/:model', status: undefined }]);
  models.goOn();
  await firstEntry();
  assert.equal(await measured(labels), before + 1);
});

test('a call that waits behind another on its connection ends with the connection', async () => {
  spans.length = 0;
  const before = started;
  const begun = once(models.removals, 'begun');
  const socket = dial(server, head(`DELETE /models/${newModelId()}`) + head('GET /models'));
  await begun;
  await until('the second call', async () => started === before + 2);
  socket.destroy();
  await until('both spans', async () => spans.length === 2);
  models.goOn();
});

test('a closing server waits for no disconnected client, and ends unused connections', async () => {
  // These time-outs are so long that only closing can end the connections.
  const patient = {
    keepAliveMs: 3_600_000,
    headersTimeoutMs: 3_600_000,
    requestTimeoutMs: 3_600_000,
    idleTimeoutMs: 3_600_000,
  };
  const own = await startServer({ inference: server.inference, limits: patient });
  try {
    const { body } = await request(own.url).post('/runs').expect(202);
    const stream = dial(own, head(`GET /runs/${body.id}/events`, 'accept: text/event-stream'));
    await once(stream, 'data');
    stream.destroy();
    await untilConnected(own, 0);
    const reserve = dial(own, '');
    await untilConnected(own, 1);
    const ended = once(reserve, 'close');
    await own.app.close();
    await ended;
  } finally {
    await own.close();
  }
});
