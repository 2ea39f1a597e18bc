import assert from 'node:assert/strict';
import { test } from 'node:test';
import request from 'supertest';
import { newRunId } from '../../src/core/contracts/common.ts';
import { assertProblem, publishModel, startServer } from './test-server.ts';

test('without Redis, runs fail at once, readiness reports why, and inference continues', async () => {
  const server = await startServer();
  try {
    await publishModel(server.models);
    await request(server.url).get('/generate?label=3').expect(200);
    const { body: run } = await request(server.url).post('/runs').expect(202);
    const stream = await fetch(`${server.url}${run.links.events}`, {
      headers: { accept: 'text/event-stream' },
    });
    const reader = stream.body!.getReader();
    let told = '';
    while (!told.includes('queued')) told += Buffer.from((await reader.read()).value!).toString();
    await server.stopRedis();
    const api = () => request(server.url);
    for (const call of [
      api().post('/runs'),
      api().get('/runs'),
      api().get(`/runs/${newRunId()}`),
      api().get(`/runs/${run.id}/metrics`),
      api().post(`/runs/${run.id}/cancel`),
      api().post('/runs?dryRun=true'),
    ]) {
      const response = await call;
      assertProblem(response, 503, 'redis_unavailable');
      assert.ok(Number(response.headers['retry-after']) >= 1);
    }
    const ready = await api().get('/health/ready').expect(503);
    assert.deepEqual(
      ready.body.reasons.map(({ component }: { component: string }) => component),
      ['redis'],
    );
    await api().get('/health/live').expect(200);
    await api().get('/generate?label=3').expect(200);
    // An open stream waits until Redis is available again.
    await reader.cancel();
  } finally {
    await server.close();
  }
});
