import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import request from 'supertest';
import { newModelId } from '../../../src/core/contracts/common.ts';
import type { ModelRecord } from '../../../src/core/contracts/model.ts';
import { KeyRing } from '../../../src/platform/keys/index.ts';
import { publishModel, startServer, type TestServer } from '../test-server.ts';

let server: TestServer;
let first: ModelRecord;
let model: ModelRecord;
const KEY = 'the-key-for-inference';
const api = () => request.agent(server.url).set('authorization', `Bearer ${KEY}`);
const LATENTS = [0.5, -1, 0.25, 2, 0, 0, 0, 0];

before(async () => {
  const keys = await KeyRing.open({ specs: [`infer:${KEY}`, 'train:the-key-for-training'] });
  server = await startServer({ keys, limits: { callImages: 50, bodyBytes: 2_000_000 } });
  assertError(await infer('decoder', decode()), 404, /No run has published a model yet/);
  assertError(await api().get('/v2/models/decoder'), 404, /No run has published a model yet/);
  await request(server.url).get('/v2/health/live').expect(200, { live: true });
  await request(server.url).get('/v2/health/ready').expect(200, { ready: true });
  first = await publishModel(server.models);
  model = await publishModel(server.models, { seed: 2 });
  await server.models.setAlias('studio', first.id);
});
after(() => server.close());

const infer = (name: string, body: object) => api().post(`/v2/models/${name}/infer`).send(body);
const decode = (parameters?: object) => ({
  inputs: [
    { name: 'latent', datatype: 'FP32', shape: [2, 4], data: LATENTS },
    { name: 'label', datatype: 'INT64', shape: [2], data: [3, 7] },
  ],
  ...parameters,
});

/** Asserts an error in the form of the Open Inference Protocol. */
function assertError(answer: request.Response, status: number, text: RegExp): void {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers['content-type']!, /^application\/json/);
  assert.deepEqual(Object.keys(answer.body), ['error']);
  assert.match(answer.body.error, text);
}

/** The pixels that POST /decode returns. */
async function decodedByApi(): Promise<Buffer[]> {
  const latents = [
    { latent: LATENTS.slice(0, 4), label: 3 },
    { latent: LATENTS.slice(4), label: 7 },
  ];
  const { body } = await api().post('/decode').send({ latents }).expect(200);
  const raw = (png: string) => sharp(Buffer.from(png, 'base64')).toColourspace('b-w').raw().toBuffer();
  return await Promise.all((body.images as { png: string }[]).map(({ png }) => raw(png)));
}

test('the server and its models describe themselves', async () => {
  const { body } = await request(server.url).get('/v2').expect(200);
  assert.deepEqual(body, { name: 'stylograph', version: '0.0.0-test', extensions: ['binary_tensor_data'] });

  const decoder = (await api().get('/v2/models/decoder').expect(200)).body;
  assert.deepEqual(decoder.inputs, [
    { name: 'latent', datatype: 'FP32', shape: [-1, 4] },
    { name: 'label', datatype: 'INT64', shape: [-1] },
  ]);
  assert.deepEqual(decoder.outputs, [{ name: 'image', datatype: 'UINT8', shape: [-1, 28, 28, 1] }]);
  for (const version of ['latest', 'studio', first.id, model.id])
    assert.ok(decoder.versions.includes(version));
  const encoder = (await api().get('/v2/models/encoder/versions/studio').expect(200)).body;
  assert.deepEqual(
    encoder.outputs.map(({ name, shape }: { name: string; shape: number[] }) => [name, shape]),
    [
      ['mean', [-1, 4]],
      ['log_var', [-1, 4]],
      ['label', [-1]],
    ],
  );
});

test('a readiness check loads the model', async () => {
  for (;;) {
    const { status, body } = await api().get(`/v2/models/encoder/versions/${first.id}/ready`);
    assert.deepEqual(body, { name: 'encoder', ready: status === 200 });
    if (status === 200) break;
    assert.equal(status, 503);
  }
  assert.ok(server.inference.isLoaded(first.id));
});

test('the decoder returns the same pixels as the API', async () => {
  const { body, headers } = await infer('decoder', { id: '42', ...decode() }).expect(200);
  assert.deepEqual([body.id, body.model_name, body.model_version], ['42', 'decoder', model.id]);
  assert.equal(headers['x-model-id'], model.id);
  const [image] = body.outputs;
  assert.deepEqual([image.name, image.datatype, image.shape], ['image', 'UINT8', [2, 28, 28, 1]]);
  assert.deepEqual(Buffer.from(image.data), Buffer.concat(await decodedByApi()));

  const nested = decode();
  const [latent] = nested.inputs;
  const rows = [LATENTS.slice(0, 4), LATENTS.slice(4)];
  const again = await infer('decoder', { inputs: [{ ...latent, data: rows }, nested.inputs[1]] }).expect(200);
  assert.deepEqual(again.body.outputs, body.outputs);
  const older = await infer('decoder/versions/studio', decode()).expect(200);
  assert.equal(older.body.model_version, first.id);
  assert.notDeepEqual(older.body.outputs, body.outputs);
});

test('labels are indices, even if label names are other numbers', async () => {
  const odd = await publishModel(server.models, { seed: 3, labels: ['1', '2', '3'] });
  const body = decode();
  body.inputs[1]!.data = [1, 1];
  const { outputs } = (await infer(`decoder/versions/${odd.id}`, body).expect(200)).body;
  const latents = [{ latent: LATENTS.slice(0, 4), label: '2' }];
  const { images } = (await api().post(`/decode?model=${odd.id}`).send({ latents }).expect(200)).body;
  const named = await sharp(Buffer.from(images[0].png, 'base64')).toColourspace('b-w').raw().toBuffer();
  assert.deepEqual(Buffer.from(outputs[0].data.slice(0, 784)), named);
  await server.models.remove(odd.id);
});

test('the encoder returns the same latents as the API, and infers labels that are missing or -1', async () => {
  const pixels = Buffer.concat(await decodedByApi());
  const images = await Promise.all(
    [0, 1].map(async (i) => {
      const raw = { width: 28, height: 28, channels: 1 as const };
      const one = pixels.subarray(i * 784, (i + 1) * 784);
      return { png: (await sharp(one, { raw }).toColourspace('b-w').png().toBuffer()).toString('base64') };
    }),
  );
  const wanted = (
    await api()
      .post('/encode?normalize=none')
      .send({ images, labels: [null, 7] })
      .expect(200)
  ).body;
  const image = { name: 'image', datatype: 'UINT8', shape: [2, 28, 28, 1], data: [...pixels] };
  const label = { name: 'label', datatype: 'INT64', shape: [2], data: [-1, 7] };
  const { body } = await infer('encoder', { inputs: [image, label] }).expect(200);
  const [mean, logVar, labels] = body.outputs;
  assert.deepEqual(
    mean.data,
    wanted.latents.flatMap((latent: { mean: number[] }) => latent.mean),
  );
  assert.deepEqual(
    logVar.data,
    wanted.latents.flatMap((latent: { logVar: number[] }) => latent.logVar),
  );
  assert.deepEqual(
    labels.data.map(String),
    wanted.latents.map((latent: { label: string }) => latent.label),
  );

  const floats = { ...image, datatype: 'FP32', data: [...pixels].map((value) => value / 255) };
  const unlabelled = await infer('encoder', { inputs: [floats], outputs: [{ name: 'label' }] }).expect(200);
  assert.deepEqual(unlabelled.body.outputs.length, 1);
  assert.equal(unlabelled.body.outputs[0].data[0], labels.data[0]);
});

test('binary tensors after the JSON are read and written', async () => {
  const latent = Buffer.from(Float32Array.from(LATENTS).buffer);
  const label = Buffer.from(BigInt64Array.from([3n, 7n]).buffer);
  const json = Buffer.from(
    JSON.stringify({
      inputs: [
        { name: 'latent', datatype: 'FP32', shape: [2, 4], parameters: { binary_data_size: latent.length } },
        { name: 'label', datatype: 'INT64', shape: [2], parameters: { binary_data_size: label.length } },
      ],
      parameters: { binary_data_output: true },
    }),
  );
  const post = (body: Buffer, length: number | string) =>
    fetch(`${server.url}/v2/models/decoder/infer`, {
      method: 'POST',
      // A typed array, since fetch sets a Content-Type for a Blob or a string.
      body: new Uint8Array(body),
      headers: { authorization: `Bearer ${KEY}`, 'inference-header-content-length': String(length) },
    });
  const answer = await post(Buffer.concat([json, latent, label]), json.length);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'application/octet-stream');
  const bytes = Buffer.from(await answer.arrayBuffer());
  const length = Number(answer.headers.get('inference-header-content-length'));
  const { outputs } = JSON.parse(bytes.toString('utf8', 0, length));
  assert.deepEqual(outputs, [
    { name: 'image', datatype: 'UINT8', shape: [2, 28, 28, 1], parameters: { binary_data_size: 1568 } },
  ]);
  assert.deepEqual(bytes.subarray(length), Buffer.concat(await decodedByApi()));

  for (const [body, size, text] of [
    [Buffer.concat([json, latent]), json.length, /32 bytes after the JSON.*the inputs state 48/],
    [Buffer.concat([json, latent, label]), 9_999, /is 9999, but the body has/],
    [Buffer.concat([json, latent, label]), json.length + latent.length, /not valid JSON/],
    [Buffer.concat([json, latent, label]), 'many', /number of bytes/],
  ] as const) {
    const refused = await post(body, size);
    assert.equal(refused.status, 400);
    assert.match(((await refused.json()) as { error: string }).error, text);
  }
});

const withInput = (index: number, change: object) => {
  const body = decode();
  Object.assign(body.inputs[index]!, change);
  return body;
};
const REFUSED: [string, () => object, number, RegExp][] = [
  [
    'an unknown input',
    () => withInput(0, { name: 'z' }),
    400,
    /inputs\.z: is not known here; there are latent, label/,
  ],
  ['another datatype', () => withInput(0, { datatype: 'FP64' }), 400, /is FP64; send FP32/],
  ['another shape', () => withInput(0, { shape: [4, 2] }), 400, /is \[4,2\], but mdl_\w+ takes \[-1,4\]/],
  [
    'elements that are missing',
    () => withInput(0, { data: [1, 2] }),
    400,
    /has 2 elements, but the shape has 8/,
  ],
  [
    'elements that are no numbers',
    () => withInput(0, { data: [[[0]], 0, 0, 0, 0, 0, 0, [['a']]] }),
    400,
    /element 7 does not/,
  ],
  ['an input without elements', () => withInput(0, { data: undefined }), 400, /data: is missing/],
  ['different counts', () => withInput(1, { shape: [1], data: [3] }), 400, /have the same first dimension/],
  ['an unknown label', () => withInput(1, { data: [3, 11] }), 422, /has no label at index 11; use 0 to 9/],
  ['an input twice', () => ({ inputs: [...decode().inputs, decode().inputs[1]] }), 400, /is given twice/],
  [
    'an input that is missing',
    () => ({ inputs: decode().inputs.slice(0, 1) }),
    400,
    /inputs\.label: is missing/,
  ],
  ['an unknown output', () => decode({ outputs: [{ name: 'img' }] }), 400, /outputs\.img: is not known/],
  ['an unknown field', () => decode({ input: [] }), 400, /input/],
  ['no input', () => ({ inputs: [] }), 400, /body\.inputs/],
  [
    'shared memory',
    () => withInput(0, { parameters: { shared_memory_region: 'mine' } }),
    400,
    /is an extension that this server does not support/,
  ],
  [
    'more images than a call may make',
    () => ({
      inputs: [
        { name: 'latent', datatype: 'FP32', shape: [51, 4], data: new Array(204).fill(0) },
        { name: 'label', datatype: 'INT64', shape: [51], data: new Array(51).fill(1) },
      ],
    }),
    422,
    /asks for 51 images; the most per call is 50/,
  ],
];
for (const [what, body, status, text] of REFUSED) {
  test(`${what} is refused with the reason`, async () => {
    assertError(await infer('decoder', body()), status, text);
  });
}

test('FP32 pixels outside 0 to 1 are refused with the alternative', async () => {
  const data = new Array(784).fill(200);
  const image = { name: 'image', datatype: 'FP32', shape: [1, 28, 28, 1], data };
  assertError(
    await infer('encoder', { inputs: [image] }),
    400,
    /FP32 pixels must be 0 to 1, UINT8 pixels 0 to 255/,
  );
});

test('unknown models and versions, other methods and unsupported bodies are refused with the remedy', async () => {
  assertError(await api().get('/v2/models/discriminator'), 404, /use encoder or decoder/);
  assertError(await api().get(`/v2/models/decoder/versions/${newModelId()}`), 404, /no model/i);
  assertError(await api().get('/v2/repository/index'), 404, /nothing at/);
  assertError(await api().get('/v2/models/decoder/infer'), 405, /use POST/);
  const post = () => api().post('/v2/models/decoder/infer');
  assertError(await post().type('text/plain').send('{}'), 415, /application\/octet-stream/);
  const compressed = post().type('application/json').set('content-encoding', 'gzip');
  assertError(await compressed.send('{}'), 415, /[Cc]ompressed bodies are not supported/);
  assertError(await post().type('application/json').send('{"inputs"'), 400, /not valid JSON/);
  assertError(await post(), 400, /body: is missing/);
  assertError(
    await post()
      .type('application/json')
      .send(`{"id":"${'x'.repeat(2_000_001)}"}`),
    413,
    /larger/,
  );
});

test('keys and scopes apply as on other routes', async () => {
  const path = '/v2/models/decoder/infer';
  const missing = await request(server.url).post(path).send(decode());
  assertError(missing, 401, /Bearer/);
  assert.equal(missing.headers['www-authenticate'], 'Bearer realm="stylograph"');
  const other = request(server.url).post(path).set('authorization', 'Bearer the-key-for-training');
  assertError(await other.send(decode()), 403, /"infer"/);
});
