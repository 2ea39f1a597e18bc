import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { type ConnectionKind, connectRedis, waitUntilReady } from '../../src/platform/redis/connection.ts';
import { RunEvents } from '../../src/runs/redis/events.ts';
import { RunStore } from '../../src/runs/redis/run-store.ts';
import { allEvents, newRun, statesIn, type Workplace, workplace } from './support.ts';

/** A way to Redis that cuts the connection in place of handing over an answer, when it is told to. */
async function cuttingWay(place: Workplace): Promise<{ path: string; cutNextAnswer(): void }> {
  const path = join(place.folder, 'way.sock');
  let cutting = false;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const redis = connect((place.target as { path: string }).path);
    for (const socket of [client, redis]) {
      open.add(socket);
      socket.on('error', () => undefined).once('close', () => open.delete(socket));
    }
    const cut = (): void => void [client, redis].map((socket) => socket.destroy());
    client.on('data', (bytes) => redis.write(bytes)).once('close', cut);
    redis
      .on('data', (bytes) => {
        if (!cutting) return void client.write(bytes);
        cutting = false;
        cut();
      })
      .once('close', cut);
  }).listen(path);
  await once(server, 'listening');
  place.onEnd(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return {
    path,
    cutNextAnswer: () => {
      cutting = true;
    },
  };
}

async function farAway(place: Workplace, kind: ConnectionKind) {
  const way = await cuttingWay(place);
  const redis = connectRedis({ path: way.path }, kind);
  place.onEnd(() => redis.disconnect());
  await waitUntilReady(redis, 5_000);
  const runs = new RunStore(redis, place.keys);
  place.onEnd(() => runs.close());
  /** The first answer that comes meanwhile is lost. */
  const losing = async <T>(act: () => Promise<T>): Promise<T> => {
    way.cutNextAnswer();
    return await act();
  };
  return { runs, events: new RunEvents(redis, place.keys), losing };
}

test('what a worker asks is done once, though the answer is lost and it is asked again', async (t) => {
  const place = await workplace(t);
  const { runs, events, losing } = await farAway(place, 'patient');
  // Redis knows the scripts from here on, so that the answer that is lost is the one to what was done.
  const other = (await place.runs.create(newRun())).run.id;
  await place.runs.take({ runId: other, number: 1 });
  await place.events.append(other, 1, { type: 'log', data: { level: 'info', message: 'a' } });
  await place.runs.countCrash(other, 1);
  await place.runs.settle(other, 1, 'failed');

  const { id, progress } = (await place.runs.create(newRun())).run;
  const fence = await losing(() => runs.take({ runId: id, number: 1 }));
  assert.equal(fence, 1);
  const data = { ...progress, iteration: 3 };
  await losing(() => events.append(id, fence, { type: 'progress', data }));
  await losing(() => events.append(id, fence, { type: 'metrics', data: { iteration: 3, ganLoss: 1 } }));
  assert.equal(await losing(() => runs.countCrash(id, fence)), 1);
  assert.equal(await runs.countCrash(id, fence), 2);
  await losing(() => runs.settle(id, fence, 'succeeded'));
  assert.deepEqual(
    (await allEvents(place, id)).map(({ type, data: { state } }) => state ?? type),
    ['queued', 'running', 'progress', 'metrics', 'succeeded', 'succeeded'],
  );
});

test('what a user asks is done once, and said to be done, though the answer was lost on the way', async (t) => {
  const place = await workplace(t);
  const { runs, losing } = await farAway(place, 'prompt');
  // Redis knows the scripts from here on, so that the answer that is lost is the one to what was done.
  const other = (await place.runs.create(newRun())).run.id;
  await place.runs.take({ runId: other, number: 1 });
  await place.runs.request(other, 'pause');
  const { run } = await losing(() => runs.create(newRun()));
  assert.equal((await place.runs.list({ limit: 9 })).items.length, 2);
  await place.runs.take({ runId: run.id, number: 1 });
  assert.equal((await losing(() => runs.request(run.id, 'pause'))).state, 'pausing');
  assert.deepEqual(statesIn(await allEvents(place, run.id)), ['queued', 'running', 'pausing']);
});
