import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The other tests use this processor's best instruction set; here kernels.test.ts runs with the smaller ones. */
const TESTS = fileURLToPath(new URL('./kernels.test.ts', import.meta.url));

for (const kernels of ['sse2', 'avx2']) {
  test(`the kernels for ${kernels} equal the plain forms`, () => {
    // Without its context the inner runner would report to this one instead of printing.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const args = ['--no-warnings', '--import', 'tsx', '--test', '--test-reporter=tap', TESTS];
    const { status, stdout } = spawnSync(process.execPath, args, {
      env: { ...env, STYLOGRAPH_KERNELS: kernels },
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^# pass [1-9]/m);
  });
}
