import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

const ITERATIONS = 4;
const folder = mkdtempSync(join(tmpdir(), 'stylograph-kernels-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Losses of the first iterations of the article, computed in a separate process. */
async function losses(kernels: string): Promise<Record<string, number>[]> {
  const args = ['--import', 'tsx', 'scripts/train-step.ts', String(ITERATIONS)];
  const env = { ...process.env, DATA_DIR: folder, STYLOGRAPH_KERNELS: kernels };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line.slice(line.indexOf('{'))) as Record<string, number>);
}

test('training with native kernels has the losses of training with plain ops', async () => {
  const native = await losses('');
  const plain = await losses('plain');
  assert.equal(native.length, ITERATIONS);
  native.forEach((found, iteration) => {
    for (const [name, expected] of Object.entries(plain[iteration]!)) {
      // Rounding differs, and training amplifies it; a wrong mask or gradient would be off by far more.
      const tolerance = 1e-3 * Math.max(Math.abs(expected), 1e-3);
      assert.ok(
        Math.abs(found[name]! - expected) <= tolerance,
        `${name} at iteration ${iteration + 1} is ${found[name]}, with plain kernels ${expected}`,
      );
    }
  });
});
