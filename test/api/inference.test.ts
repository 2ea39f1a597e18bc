import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import request from 'supertest';
import { newModelId } from '../../src/core/contracts/common.ts';
import { manifoldAxis } from '../../src/core/contracts/manifold.ts';
import type { ModelRecord } from '../../src/core/contracts/model.ts';
import { until } from '../runs/support.ts';
import { assertProblem, pngSize, publishModel, startServer, type TestServer } from './test-server.ts';

let server: TestServer;
let model: ModelRecord;
/** An image of the model as PNG. */
let picture: Buffer;
const api = () => request(server.url);
const base64 = (png: Buffer): string => png.toString('base64');
const getPng = (path: string) => api().get(path).buffer(true).expect(200).expect('content-type', 'image/png');

before(async () => {
  server = await startServer({ limits: { imageBytes: 100_000, imagePixels: 1_000_000 } });
  assertProblem(await api().get('/generate?label=3'), 404, 'no_model');
  assertProblem(await api().get('/models/latest'), 404, 'no_model');
  model = await publishModel(server.models);
  picture = (await getPng('/generate?label=3&seed=1')).body;
});
after(() => server.close());

test('generate without a seed draws a random one and returns it', async () => {
  const [a, b] = [await getPng('/generate?label=3'), await getPng('/generate?label=3')];
  assert.notDeepEqual(a.body, b.body);
  assert.equal(a.headers['cache-control'], 'no-store');
  assert.equal(a.headers.etag, undefined);
  assert.equal(a.headers['x-model-id'], model.id);
  assert.match(a.headers['server-timing']!, /queue;dur=[\d.]+, compute;dur=[\d.]+/);
  const again = await getPng(`/generate?label=3&seed=${a.headers['x-seed']}`);
  assert.deepEqual(again.body, a.body);
});

test('a seed always gives the same bytes with a strong ETag, and 304 for a client that has them', async () => {
  const first = await getPng('/generate?label=3&seed=7');
  const second = await getPng('/generate?label=3&seed=7');
  assert.deepEqual(second.body, first.body);
  assert.match(first.headers.etag!, /^"[^"]+"$/);
  assert.match(first.headers['cache-control']!, /no-cache/);
  await api().get('/generate?label=3&seed=7').set('if-none-match', first.headers.etag!).expect(304);
  await api().get('/generate?label=3&seed=8').set('if-none-match', first.headers.etag!).expect(200);
  const pinned = await getPng(`/generate?label=3&seed=7&model=${model.id}`);
  assert.deepEqual(pinned.body, first.body);
  assert.match(pinned.headers['cache-control']!, /immutable/);
  const text = first.body.toString('latin1');
  for (const part of [`digest\0${model.digest}`, 'label\x003', 'seed\x007'])
    assert.ok(text.includes(part), part);
});

test('the images of a sheet equal the images of their seeds alone', async () => {
  const { body } = await api().get('/generate?label=3&seed=7&count=5&format=json').expect(200);
  assert.equal(body.modelId, model.id);
  assert.deepEqual([body.images.length, body.images[0].seed, body.images[0].label], [5, 7, '3']);
  for (const { seed, png, latent } of body.images) {
    const alone = await getPng(`/generate?label=3&seed=${seed}`);
    assert.equal(base64(alone.body), png);
    assert.equal(latent.length, model.latentDim);
  }
  const sheet = await getPng('/generate?label=3&seed=7&count=5&scale=2');
  assert.deepEqual(pngSize(sheet.body), [3 * 56, 2 * 56]);
  const cell = await sharp(sheet.body)
    .extract({ left: 56, top: 0, width: 56, height: 56 })
    .resize(28, 28, { kernel: 'nearest' })
    .toColourspace('b-w')
    .raw()
    .toBuffer();
  const second = await sharp(Buffer.from(body.images[1].png, 'base64')).toColourspace('b-w').raw().toBuffer();
  assert.deepEqual(cell, second);
});

test('invert turns white on black into black on white', async () => {
  const raw = async (path: string) =>
    sharp((await getPng(path)).body)
      .toColourspace('b-w')
      .raw()
      .toBuffer();
  const plain = await raw('/generate?label=3&seed=7');
  const inverted = await raw('/generate?label=3&seed=7&invert=true');
  assert.deepEqual(
    [...inverted],
    [...plain].map((level) => 255 - level),
  );
});

test('Accept chooses between PNG and JSON, and format overrides it', async () => {
  const accept = (type: string, path = '/generate?label=3&seed=1') => api().get(path).set('accept', type);
  await accept('application/json').expect('content-type', /^application\/json/);
  await accept('image/*').expect('content-type', 'image/png');
  await accept('image/png;q=0.1, application/json').expect('content-type', /^application\/json/);
  await accept('image/png', '/generate?label=3&seed=1&format=json').expect(
    'content-type',
    /^application\/json/,
  );
  await accept('text/html', '/generate?label=3&seed=1&format=png')
    .expect(200)
    .expect('vary', /Accept/);
  assertProblem(await accept('text/html'), 406, 'not_acceptable');
});

test('generate refuses values that are out of range, unknown or missing', async () => {
  for (const query of [
    '',
    'label=',
    'label=3&count=0',
    'label=3&count=401',
    'label=3&count=',
    'label=3&seed=-1',
    'label=3&seed=4294967296',
    'label=3&truncation=3.1',
    'label=3&truncation=NaN',
    'label=3&format=gif',
    'label=3&invert=1',
    'label=3&scale=17',
    'label=3&lable=4',
  ]) {
    assertProblem(await api().get(`/generate?${query}`), 400, 'validation_failed');
  }
  for (const label of ['10', '-1', 'seven']) {
    assertProblem(await api().get(`/generate?label=${label}`), 422, 'invalid_label');
  }
  assertProblem(await api().get(`/generate?label=3&model=${newModelId()}`), 404, 'model_not_found');
  assertProblem(await api().get('/generate?label=3&model=nobody'), 404, 'model_not_found');
});

test('truncation 0 decodes the mean of the prior', async () => {
  const [a, b] = [
    await getPng('/generate?label=3&truncation=0&seed=1'),
    await getPng('/generate?label=3&truncation=0&seed=2'),
  ];
  const pixels = (png: Buffer) => sharp(png).raw().toBuffer();
  assert.deepEqual(await pixels(a.body), await pixels(b.body));
});

test('a label name has precedence over an index', async () => {
  const named = await publishModel(server.models, { labels: ['5', 'boot', 'cap'], dataset: 'shoes' });
  const label = async (reference: string) => {
    const { body } = await api()
      .get(`/generate?label=${reference}&seed=1&format=json&model=${named.id}`)
      .expect(200);
    return body.images[0].label;
  };
  assert.equal(await label('boot'), 'boot');
  assert.equal(await label('2'), 'cap');
  assert.equal(await label('5'), '5');
  assert.equal(await label('0'), '5');
  await server.models.remove(named.id);
});

test('POST /generate keeps the order of its items and counts them', async () => {
  const latent = [0.5, 0, -0.5, 1];
  const items = [{ label: 3, count: 2, seed: 7 }, { label: '4' }, { label: 5, latent }];
  const { body } = await api()
    .post('/generate')
    .send({ items })
    .expect(200)
    .expect('cache-control', 'no-store');
  assert.deepEqual(
    body.images.map(({ label }: { label: string }) => label),
    ['3', '3', '4', '5'],
  );
  const alone = await getPng('/generate?label=3&seed=7');
  assert.equal(body.images[0].png, base64(alone.body));
  assert.deepEqual([body.images[3].seed, body.images[3].latent], [null, latent]);
  const sheet = await api().post('/generate?format=png').send({ items }).expect('content-type', 'image/png');
  assert.deepEqual(pngSize(sheet.body), [56, 56]);

  const send = (given: unknown[]) => api().post('/generate').send({ items: given });
  assertProblem(await send([]), 400, 'validation_failed');
  assertProblem(await send([{ label: 3, latent, seed: 1 }]), 400, 'validation_failed');
  assertProblem(await send([{ label: 3, latent: [1] }]), 422, 'invalid_latent');
  assertProblem(await send([{ label: 77 }]), 422, 'invalid_label');
  const many = assertProblem(
    await send([1, 2, 3].map((label) => ({ label, count: 400 }))),
    400,
    'validation_failed',
  );
  assert.equal(many.errors![0]!.path, 'body.items');
});

test('one call generates a thousand images', async () => {
  const items = [...Array(10).keys()].map((label) => ({ label, count: 100, seed: 1 }));
  const { body } = await api().post('/generate').send({ items }).expect(200);
  assert.equal(body.images.length, 1000);
});

test('decode returns the image of a latent', async () => {
  const { body } = await api().get('/generate?label=3&seed=7&format=json');
  const [{ latent }] = body.images;
  const decoded = await api()
    .post('/decode')
    .send({
      latents: [
        { latent, label: 3 },
        { latent, label: '8' },
      ],
    })
    .expect(200);
  const pixels = (png: string) => sharp(Buffer.from(png, 'base64')).raw().toBuffer();
  assert.deepEqual(await pixels(decoded.body.images[0].png), await pixels(body.images[0].png));
  assert.equal(decoded.body.images[1].label, '8');
  assertProblem(
    await api()
      .post('/decode')
      .send({ latents: [{ latent: [0], label: 3 }] }),
    422,
    'invalid_latent',
  );
  assertProblem(
    await api()
      .post('/decode')
      .send({ latents: [{ latent, label: 3, x: 1 }] }),
    400,
    'validation_failed',
  );
});

test('encode accepts PNGs, pixels and image bytes with equal results', async () => {
  const raw = await sharp(picture).toColourspace('b-w').raw().toBuffer();
  const pixels = Array.from({ length: 28 }, (_, y) => [...raw.subarray(y * 28, (y + 1) * 28)]);
  const { body } = await api()
    .post('/encode')
    .send({ images: [{ png: base64(picture) }, { pixels }], labels: [3, '3'] })
    .expect(200);
  const [a, b] = body.latents;
  assert.deepEqual(a, b);
  assert.deepEqual([a.label, a.labelInferred, a.labelScores], ['3', false, undefined]);
  assert.deepEqual([a.mean.length, a.logVar.length], [4, 4]);
  const bytes = await api()
    .post('/encode?label=3')
    .set('content-type', 'image/png')
    .send(picture)
    .expect(200);
  assert.deepEqual(bytes.body.latents[0], a);
  const large = await sharp({ create: { width: 90, height: 60, channels: 3, background: 'white' } })
    .webp()
    .toBuffer();
  await api().post('/encode?normalize=none').set('content-type', 'image/webp').send(large).expect(200);
});

test('a missing label is inferred, with probabilities that sum to one', async () => {
  const { body } = await api()
    .post('/encode')
    .send({ images: [{ png: base64(picture) }, { png: base64(picture) }], labels: [null, 3] })
    .expect(200);
  const [inferred, given] = body.latents;
  const shares = Object.entries(inferred.labelScores as Record<string, number>);
  assert.equal(shares.length, 10);
  assert.ok(Math.abs(shares.reduce((sum, [, share]) => sum + share, 0) - 1) < 1e-9);
  assert.equal(inferred.label, shares.reduce((x, y) => (y[1] > x[1] ? y : x))[0]);
  assert.deepEqual([inferred.labelInferred, given.labelInferred], [true, false]);
});

test('encode names the image that is wrong and the reason', async () => {
  const post = (type: string, body: Buffer, query = '') =>
    api().post(`/encode${query}`).set('content-type', type).send(body);
  assertProblem(await post('image/png', Buffer.from('not an image')), 422, 'invalid_image');
  assertProblem(await post('image/png', picture.subarray(0, 120)), 422, 'invalid_image');
  assertProblem(await post('image/png', Buffer.alloc(0)), 400, 'validation_failed');
  assertProblem(await post('image/gif', picture), 415, 'unsupported_media_type');
  assertProblem(await post('image/png', Buffer.alloc(200_000)), 413, 'body_too_large');
  const bomb = await sharp({ create: { width: 2000, height: 1000, channels: 3, background: 'black' } })
    .png()
    .toBuffer();
  assertProblem(await post('image/png', bomb), 422, 'invalid_image');
  assertProblem(await api().post('/encode'), 400, 'validation_failed');

  const json = (body: object, query = '') => api().post(`/encode${query}`).send(body);
  const png = base64(picture);
  const named = assertProblem(await json({ images: [{ png }, { png: 'AAAA' }] }), 422, 'invalid_image');
  assert.equal(named.errors![0]!.path, 'body.images.1');
  const ragged = assertProblem(await json({ images: [{ pixels: [[1, 2], [3]] }] }), 422, 'invalid_image');
  assert.match(ragged.detail, /[Rr]ow 1/);
  assertProblem(await json({ images: [{ png: '!!' }] }), 400, 'validation_failed');
  assertProblem(await json({ images: [{ png }], labels: [1, 2] }), 400, 'validation_failed');
  assertProblem(await json({ images: [{ png }], labels: ['x'] }), 422, 'invalid_label');
  assertProblem(await json({ images: [{ png }] }, '?label=3'), 400, 'validation_failed');
  assertProblem(await json({ images: Array(257).fill({ png }) }), 400, 'validation_failed');
});

test('reconstruct returns each image with its error', async () => {
  const images = [{ png: base64(picture) }, { png: base64(picture) }];
  const { body } = await api()
    .post('/reconstruct')
    .send({ images, labels: [3, 4] })
    .expect(200);
  const [first] = body.images;
  const pixels = async (png: Buffer) => [...(await sharp(png).toColourspace('b-w').raw().toBuffer())];
  const [original, made] = [await pixels(picture), await pixels(Buffer.from(first.png, 'base64'))];
  const error =
    original.reduce((sum, level, i) => sum + ((level - made[i]!) / 255) ** 2, 0) / original.length;
  assert.ok(Math.abs(first.error - error) < 1e-9);
  assert.deepEqual([first.label, first.labelInferred, first.mean.length], ['3', false, 4]);
  const sheet = await api()
    .post('/reconstruct')
    .set('accept', 'image/png')
    .send({ images, labels: [3, 4] });
  assert.deepEqual(pngSize(sheet.body), [56, 56]);
  const top = await sharp(sheet.body).extract({ left: 0, top: 0, width: 28, height: 28 }).png().toBuffer();
  assert.deepEqual(await pixels(top), original);
});

test('style transfer returns a row per source and a column per target', async () => {
  const images = [{ png: base64(picture) }, { png: base64(picture) }];
  const all = await api()
    .post('/style-transfer')
    .send({ images, labels: [3, 4] })
    .expect(200);
  assert.deepEqual(
    all.body.results.map((r: { images: unknown[] }) => r.images.length),
    [10, 10],
  );
  const [{ source, images: made }] = all.body.results;
  assert.equal(source.label, '3');
  const decoded = await api()
    .post('/decode')
    .send({ latents: [{ latent: source.mean, label: 6 }] });
  const pixels = (png: string) => sharp(Buffer.from(png, 'base64')).raw().toBuffer();
  assert.deepEqual(await pixels(made[6].png), await pixels(decoded.body.images[0].png));

  const some = await api()
    .post('/style-transfer')
    .send({ images, labels: [3, 4], targets: [1, '2'] })
    .expect(200);
  assert.deepEqual(
    some.body.results[1].images.map(({ label }: { label: string }) => label),
    ['1', '2'],
  );
  const each = await api()
    .post('/style-transfer')
    .send({ images, targets: [[1], [2, 3]] })
    .expect(200);
  assert.deepEqual(
    each.body.results.map((r: { images: unknown[] }) => r.images.length),
    [1, 2],
  );
  const sheet = await api()
    .post('/style-transfer?format=png&invert=true')
    .send({ images, labels: [3, 4] });
  assert.deepEqual(pngSize(sheet.body), [280, 56]);
  const bytes = await api()
    .post('/style-transfer?label=3')
    .set('content-type', 'image/png')
    .send(picture)
    .expect(200);
  assert.deepEqual(bytes.body.results[0], all.body.results[0]);
  assertProblem(
    await api()
      .post('/style-transfer')
      .send({ images, targets: [[1]] }),
    400,
    'validation_failed',
  );
  assertProblem(
    await api()
      .post('/style-transfer')
      .send({ images, targets: [12] }),
    422,
    'invalid_label',
  );
});

test('style transfer with average returns one row from the mean of the encoded means', async () => {
  const other = (await getPng('/generate?label=5&seed=2')).body;
  const body = { images: [{ png: base64(picture) }, { png: base64(other) }], labels: [3, 5] };
  const apart = await api().post('/style-transfer').send(body).expect(200);
  const { body: joined } = await api()
    .post('/style-transfer')
    .send({ ...body, targets: [6, 0], average: true })
    .expect(200);
  assert.equal(joined.results.length, 1);
  const [{ source, sources, images }] = joined.results;
  assert.deepEqual(
    sources,
    apart.body.results.map((result: { source: unknown }) => result.source),
  );
  assert.notDeepEqual(sources[0].mean, sources[1].mean);
  const mean = sources[0].mean.map((value: number, i: number) =>
    Math.fround((value + sources[1].mean[i]) / 2),
  );
  assert.deepEqual(source, { ...sources[0], mean });
  const decoded = await api()
    .post('/decode')
    .send({
      latents: [
        { latent: mean, label: 6 },
        { latent: mean, label: 0 },
      ],
    });
  const pixels = (png: string) => sharp(Buffer.from(png, 'base64')).raw().toBuffer();
  for (const [i, { png }] of images.entries()) {
    assert.deepEqual(await pixels(png), await pixels(decoded.body.images[i].png));
  }

  const sheet = await api()
    .post('/style-transfer?format=png')
    .send({ ...body, average: true });
  assert.deepEqual(pngSize(sheet.body), [280, 28]);
  const nested = await api()
    .post('/style-transfer')
    .send({ ...body, targets: [[1]], average: true })
    .expect(200);
  assert.equal(nested.body.results[0].images.length, 1);
  assertProblem(
    await api()
      .post('/style-transfer')
      .send({ ...body, targets: [[1], [2]], average: true }),
    400,
    'validation_failed',
  );
  const alone = await api()
    .post('/style-transfer')
    .send({ ...body, average: false })
    .expect(200);
  assert.deepEqual(alone.body, apart.body);
});

test('the manifold follows the quantiles of the first two dimensions', async () => {
  const { body } = await api().get('/manifold?label=3&size=3&format=json').expect(200);
  assert.deepEqual(body.grid, manifoldAxis(3));
  assert.ok(Math.abs(body.grid[0] + 1.6448536269514722) < 1e-6 && Math.abs(body.grid[1]) < 1e-9);
  const latent = [body.grid[2], body.grid[0], 0, 0];
  const decoded = await api()
    .post('/decode')
    .send({ latents: [{ latent, label: 3 }] });
  const pixels = (png: string) => sharp(Buffer.from(png, 'base64')).raw().toBuffer();
  assert.deepEqual(await pixels(body.images[0][2]), await pixels(decoded.body.images[0].png));
  const sheet = await getPng('/manifold?label=3');
  assert.deepEqual(pngSize(sheet.body), [420, 420]);
  await api().get('/manifold?label=3').set('if-none-match', sheet.headers.etag!).expect(304);
  for (const size of ['1', '41', '']) {
    assertProblem(await api().get(`/manifold?label=3&size=${size}`), 400, 'validation_failed');
  }
});

test('interpolate goes from one end to the other', async () => {
  const ends = { from: { label: 3, seed: 1 }, to: { label: 5, seed: 2 } };
  const { body } = await api()
    .post('/interpolate')
    .send({ ...ends, steps: 6 })
    .expect(200);
  assert.deepEqual(
    body.images.map(({ label }: { label: string }) => label),
    ['3', '3', '3', '5', '5', '5'],
  );
  assert.equal(body.images[0].png, base64(picture));
  assert.deepEqual([body.images[0].seed, body.images[1].seed, body.images[5].seed], [1, null, 2]);
  const sheet = await api().post('/interpolate?format=png').send(ends);
  assert.deepEqual(pngSize(sheet.body), [280, 28]);
  const linear = await api()
    .post('/interpolate?method=linear')
    .send({ ...ends, steps: 3 });
  const spherical = await api()
    .post('/interpolate')
    .send({ ...ends, steps: 3 });
  assert.notDeepEqual(linear.body.images[1].latent, spherical.body.images[1].latent);
  assertProblem(
    await api()
      .post('/interpolate')
      .send({ ...ends, steps: 1 }),
    400,
    'validation_failed',
  );
  assertProblem(await api().post('/interpolate?method=cubic').send(ends), 400, 'validation_failed');
});

test('models are listed, named by aliases, and deleted when no alias points to them', async () => {
  const other = await publishModel(server.models, { seed: 9 });
  const { body } = await api().get('/models?limit=1').expect(200);
  assert.deepEqual([body.items[0].id, body.items[0].aliases.includes('latest')], [other.id, true]);
  const rest = await api().get(`/models?cursor=${body.nextCursor}`).expect(200);
  assert.deepEqual(
    rest.body.items.map(({ id }: { id: string }) => id),
    [model.id],
  );
  assert.equal(rest.body.nextCursor, null);

  await api().put('/models/aliases/best').send({ modelId: other.id }).expect(200);
  assert.equal((await api().get('/models/best')).body.id, other.id);
  assert.equal((await api().get('/generate?label=1&model=best')).headers['x-model-id'], other.id);
  assertProblem(await api().delete(`/models/${other.id}`), 409, 'model_in_use');
  assertProblem(
    await api().put('/models/aliases/best').send({ modelId: newModelId() }),
    404,
    'model_not_found',
  );
  assertProblem(
    await api().put('/models/aliases/latest').send({ modelId: model.id }),
    400,
    'validation_failed',
  );
  assertProblem(await api().put('/models/aliases/No').send({ modelId: model.id }), 400, 'validation_failed');
  await api().put('/models/aliases/best').send({ modelId: model.id }).expect(200);
  await api().delete(`/models/${other.id}`).expect(204);
  await api().delete('/models/aliases/best').expect(204);
  assertProblem(await api().get('/models/best'), 404, 'model_not_found');
  assertProblem(await api().delete(`/models/${other.id}`), 404, 'model_not_found');
  assertProblem(await api().delete('/models/latest'), 404, 'model_not_found');
  assert.equal((await api().get('/generate?label=1')).headers['x-model-id'], model.id);
});

test('requests survive a killed inference child', async () => {
  const expected = (await getPng('/generate?label=3&seed=7')).body;
  const calls = Array.from({ length: 10 }, () => getPng('/generate?label=3&seed=7'));
  process.kill(server.inference.pid!, 'SIGKILL');
  for (const { body } of await Promise.all(calls)) assert.deepEqual(body, expected);
  await api().get('/health/ready').expect(200);
});

test('readiness reports a missing inference child, and its return with the model', async () => {
  const pid = server.inference.pid!;
  process.kill(pid, 'SIGKILL');
  await until('its end to be noticed', async () => server.inference.pid !== pid);
  const { body } = await api().get('/health/ready').expect(503);
  assert.equal(body.status, 'not-ready');
  assert.equal(body.reasons[0].component, 'inference');
  await api().get('/health/live').expect(200);
  await getPng('/generate?label=3&seed=7');
  const ready = await api().get('/health/ready').expect(200);
  assert.equal(ready.body.modelId, model.id);
});
