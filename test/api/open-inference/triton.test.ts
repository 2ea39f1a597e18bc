import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ensureVenv } from '../../../scripts/setup/venv.mjs';
import { KeyRing } from '../../../src/platform/keys/index.ts';
import { publishModel, startServer } from '../test-server.ts';

const KEY = 'the-key-of-a-triton-client';
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** A Python interpreter with NVIDIA's client, or the reason why none is available. */
const { python, problem } = await ensureVenv({
  name: 'triton',
  requirements: here('./requirements.txt'),
  what: "Triton's client for a test (30 MB)",
  gigabytes: 1,
  oldest: [3, 10],
}).then(
  (path) => ({ python: path, problem: undefined }),
  (error: Error) => {
    if (error.name !== 'SetupProblem') throw error;
    return { python: undefined, problem: error };
  },
);

test("NVIDIA's Triton client decodes and encodes, with binary tensors and JSON", {
  skip: problem?.message ?? false,
}, async (t) => {
  const server = await startServer({ keys: await KeyRing.open({ specs: [`infer:${KEY}`] }) });
  t.after(() => server.close());
  const model = await publishModel(server.models);
  await server.inference.ensure(model);
  const child = spawn(python!, [here('./triton.py'), new URL(server.url).host, KEY, model.id]);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said += chunk;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0, said);
  assert.match(said, /all as it should be/);
});
