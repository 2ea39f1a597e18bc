import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { Run } from '../../../src/core/contracts/run.ts';
import { writeSmallMnist } from '../../data/mnist-files.ts';
import { startServiceIn } from '../support.ts';
import { folder, lines, run, start, TINY } from './support.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are checked by what the tests assert of them
const json = (out: string): any => JSON.parse(out);

test('interrupted and resumed training gives the same model as uninterrupted training, and a server serves it', {
  timeout: 600_000,
}, async (t) => {
  const data = folder(t);
  await writeSmallMnist(data);
  const train = ['train', '--preset', 'quick', '--seed', '7', '--data', data, ...TINY];
  const whole = await run([...train, '--json']);
  assert.equal(whole.code, 0, whole.err);
  const events = lines(whole.out);
  assert.equal(events.at(-1).type, 'run');
  assert.deepEqual(
    events.filter(({ type }) => type === 'metrics').map(({ data: { iteration } }) => iteration),
    [10, 20, 30, 40, 50, 60],
  );
  const states = events.filter(({ type }) => type === 'state').map(({ data: { state } }) => state);
  assert.deepEqual(states, ['queued', 'running', 'succeeded']);

  const cut = start([...train, '--json']);
  while (!cut.out().includes('"metrics"')) await new Promise((resolve) => setTimeout(resolve, 20));
  cut.process.kill('SIGINT');
  const paused = await cut.finished;
  assert.equal(paused.code, 130, paused.err);
  const last = lines(paused.out).at(-1).data;
  assert.equal(last.state, 'paused');
  assert.ok(last.progress.iteration < 60, `it was stopped at ${last.progress.iteration}`);
  const command = new RegExp(`Go on with it: .* (train --resume ${last.id} --data ${data})`).exec(paused.err);
  assert.ok(command, paused.err);
  const listed = json((await run(['runs', '--data', data, '--json'])).out).items;
  assert.deepEqual(
    listed.map(({ state }: { state: string }) => state),
    ['paused', 'succeeded'],
  );

  const resumed = await run(command[1]!.split(' '));
  assert.equal(resumed.code, 0, resumed.err);
  assert.match(resumed.out, /done {2}mdl_\w+ {2}iteration 60 of 60/);
  const models = json((await run(['models', '--data', data, '--json'])).out).items;
  assert.equal(models.length, 2);
  assert.equal(models[0].digest, models[1].digest);
  const told = lines((await run(['runs', 'events', last.id, '--data', data])).out);
  assert.deepEqual(
    told.filter(({ type }) => type === 'metrics').map(({ data: { iteration } }) => iteration),
    [10, 20, 30, 40, 50, 60],
  );

  const drawn = await run(['generate', '3', '--seed', '9', '--data', data, '--out', '-']);
  assert.equal(drawn.code, 0, drawn.err);
  const service = await startServiceIn(data);
  try {
    const served = await fetch(`${service.url}/generate?label=3&seed=9`);
    assert.deepEqual(drawn.bytes, Buffer.from(await served.arrayBuffer()));
    assert.equal(served.headers.get('x-model-id'), models[0].id);
    const { items } = (await (await fetch(`${service.url}/runs`)).json()) as { items: Run[] };
    assert.deepEqual(
      items.map(({ id, state }) => [id, state]),
      [
        [last.id, 'succeeded'],
        [events.at(-1).data.id, 'succeeded'],
      ],
    );
    const asked = await run(['train', '--resume', last.id, '--data', data]);
    assert.equal(asked.code, 1);
    const listedBesideServer = json((await run(['runs', '--data', data, '--json'])).out).items;
    assert.equal(listedBesideServer.length, 2);
  } finally {
    await service.stop();
  }
});

test('without a server, commands evaluate a model, generate, encode, decode and transfer styles, and files equal the JSON output', {
  timeout: 600_000,
}, async (t) => {
  const data = folder(t);
  await writeSmallMnist(data, { testImages: 40 });
  const place = ['--data', data];
  const trained = await run([
    'train',
    '-i',
    '10',
    '--seed',
    '1',
    ...place,
    ...TINY,
    '--set',
    'iterations=10',
    '--set',
    'figures.frames=2',
  ]);
  assert.equal(trained.code, 0, trained.err);
  assert.match(trained.out, /^done {2}mdl_/m);
  const [{ id }] = json((await run(['runs', 'list', ...place, '--json'])).out).items;

  const stored = json((await run(['evaluate', ...place, '--json'])).out);
  const evaluated = await run(['evaluate', '--again', ...place, '--json']);
  assert.equal(evaluated.code, 0, evaluated.err);
  const { seconds: _, evaluatedAt: __, ...scores } = json(evaluated.out);
  for (const [name, score] of Object.entries(scores)) assert.deepEqual(score, stored[name], name);

  const folderOut = join(data, 'drawn/');
  const many = await run(['generate', '4', '-n', '3', '--seed', '5', '-o', folderOut, ...place]);
  assert.match(many.out, /wrote 3 files/);
  const files = readdirSync(folderOut).sort();
  const { images } = json((await run(['generate', '4', '-n', '3', '--seed', '5', '--json', ...place])).out);
  assert.equal(files.length, 3);
  for (const { seed, png } of images) {
    assert.equal(readFileSync(join(folderOut, `4-${seed}.png`)).toString('base64'), png);
  }
  const picture = readFileSync(join(folderOut, files[0]!));
  const encoded = await run(['encode', '-', '--label', '4', '--json', ...place], {}, picture);
  assert.deepEqual([json(encoded.out).latents[0].label, json(encoded.out).latents[0].mean.length], ['4', 2]);
  const decoded = await run(['decode', '-', '--json', ...place], {}, Buffer.from(encoded.out));
  const again = await run(['reconstruct', '-', '--label', '4', '--json', ...place], {}, picture);
  assert.deepEqual(json(decoded.out).images[0].latent, json(again.out).images[0].mean);
  const styles = await run(['style-transfer', join(folderOut, files[0]!), '-t', '1', '-t', '2', ...place]);
  assert.equal(styles.bytes.readUInt32BE(16), 56);
  const drawn = files.map((file) => join(folderOut, file));
  assert.ok(drawn.length > 1);
  const one = json((await run(['style-transfer', ...drawn, '--average', '--json', ...place])).out);
  assert.deepEqual(
    one.results.map(({ sources, images }: { sources: unknown[]; images: unknown[] }) => [
      sources.length,
      images.length,
    ]),
    [[drawn.length, 10]],
  );
  const manifold = await run(['manifold', '0', '--size', '3', '-o', join(data, 'm.png'), ...place]);
  assert.match(manifold.out, /wrote .*m\.png/);

  const figures = json((await run(['figures', id, '-o', join(data, 'f'), '--json', ...place])).out);
  assert.ok(figures.files.length > 0);
  assert.deepEqual(
    readdirSync(join(data, 'f')).sort(),
    figures.files.map(({ file }: { file: string }) => file).sort(),
  );
  const names = figures.files.map(({ file }: { file: string }) => file);
  for (const label of '0123456789') assert.ok(names.includes(`film-${label}.mp4`), names.join(' '));
  const report = await run(['report', id, '-o', '-', ...place]);
  assert.match(report.out, /^<!doctype html>/i);
  assert.equal((await run(['models', 'alias', 'mine', 'latest', ...place])).code, 0);
  const model = json((await run(['models', 'show', 'mine', ...place, '--json'])).out);
  assert.deepEqual(model.aliases, ['latest', 'mine', 'latest-mnist']);
  assert.equal((await run(['models', 'delete', model.id, ...place])).code, 1);
  assert.equal((await run(['runs', 'delete', id, ...place])).code, 0);
  assert.deepEqual(json((await run(['runs', ...place, '--json'])).out).items, []);
});

test('a run whose command was killed is paused and can be cancelled', {
  timeout: 600_000,
}, async (t) => {
  const data = folder(t);
  await writeSmallMnist(data);
  const killed = start(['train', '--data', data, '--json', ...TINY, '--set', 'iterations=100000']);
  while (!killed.out().includes('"metrics"')) await new Promise((resolve) => setTimeout(resolve, 20));
  killed.process.kill('SIGKILL');
  await killed.finished;
  const [found] = json((await run(['runs', '--data', data, '--json'])).out).items;
  assert.deepEqual([found.state, found.error.code], ['paused', 'child_died']);
  const cancelled = await run(['runs', 'cancel', found.id, '--data', data, '--json']);
  assert.equal(json(cancelled.out).state, 'cancelled');
  assert.equal((await run(['runs', 'resume', found.id, '--data', data])).code, 1);
});

test('another command pauses a run, and the training command prints how to resume it', {
  timeout: 600_000,
}, async (t) => {
  const data = folder(t);
  await writeSmallMnist(data);
  const training = start(['train', '--data', data, '--json', ...TINY, '--set', 'iterations=100000']);
  while (!training.out().includes('"metrics"')) await new Promise((resolve) => setTimeout(resolve, 20));
  const [{ id }] = json((await run(['runs', '--data', data, '--json'])).out).items;
  assert.equal((await run(['train', '--resume', id, '--data', data])).code, 1);
  assert.equal(json((await run(['runs', 'pause', id, '--data', data, '--json'])).out).state, 'pausing');
  const { code, err } = await training.finished;
  assert.equal(code, 0, err);
  assert.match(err, new RegExp(`train --resume ${id}`));
});
