import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { errorCodeOf } from '../../../src/core/errors.ts';
import { buildInferenceModel } from '../../../src/model/inference.ts';
import { packModel } from '../../../src/store/archive/pack.ts';
import { perturbedModel, TINY } from './perturbed-model.ts';

const PLAIN_TFJS = fileURLToPath(new URL('./plain-tfjs.mjs', import.meta.url));

interface Answer {
  backend: string;
  shape: number[];
  pixels: number[];
  mean: number[];
  logVar: number[];
}

/** Serves an unpacked archive to a process that uses it with TensorFlow.js alone. */
async function runPlainTfjs(t: TestContext, archive: Uint8Array, question: object): Promise<Answer> {
  const files = unzipSync(archive);
  const server = createServer(({ url }, answer) => {
    const file = files[url!.slice(1)];
    if (file) answer.end(file);
    else answer.writeHead(404).end();
  });
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const child = spawn(process.execPath, [PLAIN_TFJS, `http://127.0.0.1:${port}`], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stdin.end(JSON.stringify(question));
  const [code] = await once(child, 'close');
  assert.equal(code, 0);
  return JSON.parse(output) as Answer;
}

const CASES: [string, Parameters<typeof perturbedModel>[0], number][] = [
  ['small networks', { networks: TINY, latentDim: 3 }, 20],
  ['batch normalisation', { networks: TINY, latentDim: 3, batchNorm: true }, 20],
  ["the article's own size", { latentDim: 8 }, 3],
];

for (const [name, overrides, count] of CASES) {
  test(`plain TensorFlow.js computes the same pixels and latents: ${name}`, async (t) => {
    const { record, weights } = perturbedModel(overrides);
    const { latentDim } = record;
    const z = Float32Array.from({ length: count * latentDim }, (_, i) => 2 * Math.sin(i * i));
    const labels = Int32Array.from({ length: count }, (_, i) => i % 10);
    const model = await buildInferenceModel(record, weights);
    const pixels = model.decode(z, labels);
    const images = pixels.map((value, i) => (value + (i % 7) * 20) % 256);
    const { mean, logVar } = model.encode(images, labels);
    model.dispose();

    const plain = await runPlainTfjs(t, packModel(record, weights), {
      latents: Array.from({ length: count }, (_, i) => [...z.subarray(i * latentDim, (i + 1) * latentDim)]),
      images: [...images],
      labels: [...labels],
      classes: 10,
      shape: [28, 28, 1],
    });
    assert.equal(plain.backend, 'cpu');
    assert.deepEqual(plain.shape, [count, 28, 28, 1]);
    const furthest = pixels.reduce((most, byte, i) => Math.max(most, Math.abs(byte - plain.pixels[i]!)), 0);
    assert.ok(furthest <= 1, `a pixel differs by ${furthest}`);
    assert.ok(new Set(pixels).size > 20, 'the images have different levels');
    for (const [ours, theirs] of [
      [mean, plain.mean],
      [logVar, plain.logVar],
    ] as const) {
      ours.forEach((value, i) => {
        const difference = Math.abs(value - theirs[i]!);
        assert.ok(difference < 1e-3 * (1 + Math.abs(value)), `a latent differs by ${difference}`);
      });
    }
  });
}

test('an unknown network is not exported', () => {
  const { record, weights } = perturbedModel({ networks: TINY });
  const refused = (error: unknown) => errorCodeOf(error) === 'export_unsupported';
  const extra = { name: 'decoder/more/kernel', shape: [1], values: new Float32Array(1) };
  assert.throws(() => packModel(record, [...weights, extra]), refused);
  assert.throws(
    () =>
      packModel(
        record,
        weights.filter(({ name }) => name !== 'encoder/mean/bias'),
      ),
    refused,
  );
});
