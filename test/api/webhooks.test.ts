import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import request from 'supertest';
import { until } from '../runs/support.ts';
import { assertProblem, startServer, type TestServer } from './test-server.ts';

let server: TestServer;
const received: { headers: IncomingHttpHeaders; body: string }[] = [];
const receiver = createServer(async (incoming, response) => {
  received.push({ headers: incoming.headers, body: Buffer.concat(await incoming.toArray()).toString() });
  response.end();
});
let url: string;
before(async () => {
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook?token=in-the-query`;
  server = await startServer();
});
after(async () => {
  await server.close();
  receiver.close();
});

const post = (webhook: object, headers = {}) =>
  request(server.url).post('/runs').set(headers).send({ name: 'Hooked', webhook });

test('a webhook receives the requested events and test messages, signed', {
  timeout: 60_000,
}, async () => {
  const { body: run } = await post({ url, events: ['end'] }, { 'idempotency-key': 'hooked' }).expect(202);
  const { secret } = run.webhook;
  assert.match(secret, /^whsec_/);
  const again = await post({ url, events: ['end'] }, { 'idempotency-key': 'hooked' }).expect(202);
  assert.deepEqual([again.body.id, again.body.webhook.secret], [run.id, secret]);
  const shown = await request(server.url).get(`/runs/${run.id}`).expect(200);
  assert.deepEqual(shown.body.webhook, { url: url.split('?')[0], events: ['end'] });

  const { body: test } = await request(server.url).post(`/runs/${run.id}/webhook/test`).expect(202);
  await request(server.url).post(`/runs/${run.id}/cancel`).expect(202);
  const deliveries = async () =>
    (await request(server.url).get(`/runs/${run.id}/webhook/deliveries`).expect(200)).body.items;
  await until('both deliveries', async () => (await deliveries()).length >= 2);

  const messages = received.map(({ headers, body }) => {
    const signed = headers as Record<string, string>;
    return { id: headers['webhook-id'], ...(new Webhook(secret).verify(body, signed) as { type: string }) };
  });
  assert.deepEqual(messages.map(({ type }) => type).sort(), ['run.end', 'test']);
  assert.equal(messages.find(({ type }) => type === 'test')!.id, test.id);
  assert.throws(() => new Webhook('whsec_AAAA').verify(received[0]!.body, received[0]!.headers as never));
  for (const { outcome, status, error } of await deliveries()) {
    assert.deepEqual([outcome, status, error], ['delivered', 200, null]);
  }
});

test('forbidden webhook addresses are refused when the run is created', async () => {
  for (const target of ['http://169.254.169.254/', 'http://[::1]:80/', 'http://2130706434/']) {
    assertProblem(await post({ url: target }), 422, 'webhook_refused');
  }
  for (const target of ['ftp://example.org/', 'javascript:alert(1)', 'https://user:pass@example.org/', 'x']) {
    assertProblem(await post({ url: target }), 400, 'validation_failed');
  }
  assertProblem(await post({ url, events: ['metrics'] }), 400, 'validation_failed');
  assertProblem(await post({ url, secret: 'whsec_short' }), 400, 'validation_failed');
});

test('testing the webhook of a run without one is answered with webhook_not_found', async () => {
  const { body: run } = await request(server.url).post('/runs').send({}).expect(202);
  assertProblem(await request(server.url).post(`/runs/${run.id}/webhook/test`), 404, 'webhook_not_found');
  const none = await request(server.url).get(`/runs/${run.id}/webhook/deliveries`).expect(200);
  assert.deepEqual(none.body, { items: [], nextCursor: null });
});
