import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../store/small-models.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A source tree whose inference child loads TensorFlow and whose server does not. */
const TREE = {
  'package.json': '{ "type": "module" }',
  'node_modules/@tensorflow/tfjs-node-gpu/package.json': '{ "name": "@tensorflow/tfjs-node-gpu" }',
  'node_modules/@tensorflow/tfjs-node-gpu/index.js': 'export const version = 1;',
  'src/engine/index.ts': "export { version } from '@tensorflow/tfjs-node-gpu';",
  'src/serving/child/inference.ts': "export { version } from '../../engine/index.ts';",
  'src/serving/client.ts': 'export const inference = 1;',
  'src/bin/server.ts': "import { inference } from '../serving/client.ts';\nconsole.log(inference);",
};

/** Runs dependency-cruiser with the project's rules on a source tree. */
async function check(t: TestContext, files: Record<string, string>): Promise<{ code: number; out: string }> {
  const folder = await temporaryFolder(t);
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  await cp(join(ROOT, 'tsconfig.json'), join(folder, 'tsconfig.json'));
  return cruise(folder);
}

function cruise(folder: string): { code: number; out: string } {
  const program = join(ROOT, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');
  const args = [program, 'src', '--config', join(ROOT, '.dependency-cruiser.mjs')];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  return { code: status ?? -1, out: stdout + stderr };
}

test('a server that reaches TensorFlow through an import which the folder rules allow is refused', async (t) => {
  const planted = {
    ...TREE,
    'src/serving/client.ts': "export { version as inference } from './child/inference.ts';",
  };
  const { code, out } = await check(t, planted);
  assert.notEqual(code, 0);
  const errors = [...out.matchAll(/error ([\w-]+): (\S+)/g)].map(([, rule, file]) => [rule, file]);
  assert.deepEqual(errors, [['no-tensorflow-in-the-server', 'src/bin/server.ts']], out);
});

test('TensorFlow in a child process alone is accepted', async (t) => {
  const { code, out } = await check(t, TREE);
  assert.equal(code, 0, out);
});

test('nothing that the server of this project imports loads TensorFlow', () => {
  const { out } = cruise(ROOT);
  assert.match(out, /\d+ modules, \d+ dependencies cruised/);
  assert.doesNotMatch(out, /no-tensorflow-in-the-server/);
});
