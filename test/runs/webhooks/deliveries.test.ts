import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WebhookTarget } from '../../../src/core/contracts/webhook.ts';
import { Webhooks, type WebhooksOptions } from '../../../src/runs/webhooks/deliveries.ts';
import { newRun, until, type Workplace, workplace } from '../support.ts';

interface Sent {
  id: string;
  url: string;
  body: { type: string; data: { run: { id: string; state: string }; event: { id: string; data: unknown } } };
}

const TARGET: WebhookTarget = {
  url: 'https://example.org/hook',
  events: ['state', 'end'],
  secret: 'whsec_x',
};

/** Webhooks whose messages end here; `answers` in turn, then 200. */
function receive(place: Workplace, answers: (number | Error)[] = []) {
  const sent: Sent[] = [];
  const open = (more: Partial<WebhooksOptions> = {}): Webhooks => {
    const webhooks = new Webhooks({
      redis: place.target,
      keys: place.keys,
      retrySeconds: [0.01, 0.01],
      send: async ({ id, url, body }) => {
        sent.push({ id, url, body: JSON.parse(body) as Sent['body'] });
        const answer = answers.shift() ?? 200;
        if (answer instanceof Error) throw answer;
        return answer;
      },
      ...more,
    });
    place.onEnd(() => webhooks.close());
    webhooks.start();
    return webhooks;
  };
  return { sent, open };
}

test('what was asked for is sent once each, whether a server listens at that moment or not', {
  timeout: 60_000,
}, async (t) => {
  const place = await workplace(t);
  const { sent, open } = receive(place);
  const { run } = await place.runs.create(newRun(), { webhook: TARGET });
  const other = await place.runs.create(newRun());
  await place.runs.request(run.id, 'cancel');
  await place.runs.request(other.run.id, 'cancel');
  const webhooks = [open(), open()];
  await until('the messages', async () => sent.length === 3);
  assert.deepEqual(sent.map(({ body }) => body.type).sort(), ['run.end', 'run.state', 'run.state']);
  for (const { id, url, body } of sent) {
    assert.equal(id, `${run.id}-${body.data.event.id}`);
    assert.deepEqual([url, body.data.run.id, body.data.run.state], [TARGET.url, run.id, 'cancelled']);
  }
  await until('the log', async () => (await webhooks[0]!.deliveries(run.id, 10)).length === 3);
  const log = await webhooks[1]!.deliveries(run.id, 10);
  assert.deepEqual(
    new Set(log.map(({ outcome, status }) => `${outcome} ${status}`)),
    new Set(['delivered 200']),
  );
  assert.equal(sent.length, 3);
});

test('a receiver that fails is tried again, and given up in the end', { timeout: 60_000 }, async (t) => {
  const place = await workplace(t);
  const answers = [500, new Error('connect ECONNREFUSED'), 200, 503, 503, 503];
  const { sent, open } = receive(place, answers);
  const { run } = await place.runs.create(newRun(), { webhook: { ...TARGET, events: ['end'] } });
  const webhooks = open();
  await place.runs.request(run.id, 'cancel');
  await until('the messages', async () => sent.length === 3);
  assert.equal(new Set(sent.map(({ id }) => id)).size, 1);
  await webhooks.test(run.id);
  await until('the log', async () => (await webhooks.deliveries(run.id, 10)).length === 4);
  const log = await webhooks.deliveries(run.id, 10);
  assert.deepEqual(
    log.map(({ type, attempt, status, outcome }) => [type, attempt, status, outcome]),
    [
      ['test', 1, 503, 'failed'],
      ['run.end', 3, 200, 'delivered'],
      ['run.end', 2, null, 'retrying'],
      ['run.end', 1, 500, 'retrying'],
    ],
  );
  assert.match(log[2]!.error!, /ECONNREFUSED/);
});

test('a receiver that is gone gets nothing more', { timeout: 60_000 }, async (t) => {
  const place = await workplace(t);
  const { sent, open } = receive(place, [410]);
  const { run } = await place.runs.create(newRun(), { webhook: TARGET });
  const webhooks = open();
  await until('the log', async () => (await webhooks.deliveries(run.id, 10))[0]?.outcome === 'failed');
  await place.runs.request(run.id, 'cancel');
  await assert.rejects(webhooks.test(run.id), { code: 'webhook_not_found' });
  const { run: next } = await place.runs.create(newRun(), { webhook: TARGET });
  await until('the messages', async () => sent.some(({ body }) => body.data.run.id === next.id));
  assert.equal(sent.filter(({ body }) => body.data.run.id === run.id).length, 1);
});

test('a run that is removed takes its deliveries along, and its secret is told by the call that made it only', {
  timeout: 60_000,
}, async (t) => {
  const place = await workplace(t);
  const { open } = receive(place);
  const idempotency = { key: 'k', bodyDigest: 'd' };
  const first = await place.runs.create(newRun(), { webhook: TARGET, idempotency });
  const again = await place.runs.create(newRun(), { webhook: { ...TARGET, secret: 'whsec_y' }, idempotency });
  assert.deepEqual([first.webhookSecret, again.webhookSecret], ['whsec_x', 'whsec_x']);
  const { id } = first.run;
  assert.ok(!JSON.stringify(await place.runs.get(id)).includes('whsec'));
  const webhooks = open();
  await place.runs.request(id, 'cancel');
  await until('the log', async () => (await webhooks.deliveries(id, 10)).length === 3);
  await place.runs.remove(id);
  assert.deepEqual(await webhooks.deliveries(id, 10), []);
});

test('a delivery that ends after its run was removed is not written down', { timeout: 60_000 }, async (t) => {
  const place = await workplace(t);
  const { open } = receive(place);
  const { run } = await place.runs.create(newRun(), { webhook: { ...TARGET, events: ['end'] } });
  await place.runs.request(run.id, 'cancel');
  let answer: ((status: number) => void) | undefined;
  const send = (): Promise<number> =>
    new Promise((resolve) => {
      answer = resolve;
    });
  const webhooks = open({ send });
  const received = await until('the message', async () => answer);
  await place.runs.remove(run.id);
  received(200);
  await until('the end of the delivery', async () => {
    const { waiting, active, delayed } = await webhooks.queue.getJobCounts();
    return [waiting, active, delayed].every((count) => count === 0);
  });
  assert.equal(await place.redis.exists(place.keys.deliveries(run.id)), 0);
});
