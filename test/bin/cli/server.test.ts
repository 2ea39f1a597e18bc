import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeSmallMnist } from '../../data/mnist-files.ts';
import { type Service, startServiceIn } from '../support.ts';
import { lines, run, start, TINY } from './support.ts';

const data = mkdtempSync(join(tmpdir(), 'stylograph-cli-server-'));
let service: Service;
before(async () => {
  await writeSmallMnist(data);
  service = await startServiceIn(data);
});
after(async () => {
  await service.stop();
  rmSync(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
});

const place = () => ['--url', service.url];

test('a run on a server is followed to its end, and its model draws the bytes that HTTP gives', {
  timeout: 600_000,
}, async () => {
  const trained = await run(['train', '--seed', '3', '--json', ...place(), ...TINY]);
  assert.equal(trained.code, 0, trained.err);
  const { type, data: done } = lines(trained.out).at(-1);
  assert.deepEqual([type, done.state], ['run', 'succeeded']);
  const drawn = await run(['generate', '7', '--seed', '2', '--count', '4', ...place()]);
  const served = await fetch(`${service.url}/generate?label=7&seed=2&count=4`);
  assert.deepEqual(drawn.bytes, Buffer.from(await served.arrayBuffer()));
  const shown = await run(['runs', 'show', done.id, ...place()]);
  assert.match(shown.out, /^state +succeeded$/m);
  assert.ok(!shown.out.includes('\u001b'), 'no colours where nobody looks');
});

test('Ctrl-C pauses a run on a server and says how to go on; resuming it ends as if nothing had been', {
  timeout: 600_000,
}, async () => {
  const started = start(['train', '--seed', '3', '--json', ...place(), ...TINY]);
  while (!started.out().includes('"metrics"')) await new Promise((resolve) => setTimeout(resolve, 20));
  started.process.kill('SIGINT');
  const { code, out, err } = await started.finished;
  assert.equal(code, 130, err);
  const { data: paused } = lines(out).at(-1);
  assert.equal(paused.state, 'paused');
  assert.match(err, new RegExp(`train --resume ${paused.id} --url ${service.url}`));
  const resumed = await run(['train', '--resume', paused.id, ...place()]);
  assert.equal(resumed.code, 0, resumed.err);
  const models = JSON.parse((await run(['models', '--json', ...place()])).out).items;
  assert.equal(models[0].digest, models[1].digest);
});

test('a second Ctrl-C leaves a run to the server, where it is paused all the same', {
  timeout: 600_000,
}, async () => {
  const started = start(['train', '--json', ...place(), ...TINY, '--set', 'iterations=100000']);
  while (!started.out().includes('"metrics"')) await new Promise((resolve) => setTimeout(resolve, 20));
  started.process.kill('SIGINT');
  started.process.kill('SIGINT');
  const { code } = await started.finished;
  assert.equal(code, 130);
  const [{ id }] = JSON.parse((await run(['runs', '--json', ...place()])).out).items;
  const events = await run(['runs', 'events', id, ...place()]);
  assert.ok(lines(events.out).some(({ data: { state } }) => state === 'pausing' || state === 'paused'));
  await fetch(`${service.url}/runs/${id}/cancel`, { method: 'POST' });
});

test('a run is started and left, and watched until it is cancelled', { timeout: 600_000 }, async () => {
  const detached = await run(['train', '--detach', ...place(), ...TINY, '--set', 'iterations=100000']);
  const id = detached.out.trim();
  assert.match(id, /^run_/);
  const watching = start(['runs', 'watch', id, '--json', ...place()]);
  while (!watching.out().includes('"progress"')) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(lines(watching.out().split('\n').slice(0, 1).join('\n'))[0].type, 'reset');
  assert.equal((await run(['runs', 'cancel', id, ...place()])).code, 0);
  const { code, err } = await watching.finished;
  assert.equal(code, 1);
  assert.match(err, /cancelled/);
});
