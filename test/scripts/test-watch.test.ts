import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const WATCH = new URL('../../scripts/test-watch.mjs', import.meta.url).href;
const SOON = 0.05;
const FOREVER = 'await new Promise((resolve) => setTimeout(resolve, 3_600_000));';

/** Runs a file of tests that is watched. */
function run(source: string, minutes: number): { status: number | null; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'stylograph-watch-'));
  try {
    const file = join(folder, 'some.test.mjs');
    writeFileSync(file, `import { after, test } from 'node:test';\n${source}`);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const args = ['--import', `${WATCH}?minutes=${minutes}`, '--test', file];
    const child = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
    return { status: child.status, output: child.stdout + child.stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('a file of tests that hangs is ended, and names the test', () => {
  const hanging = run(
    `test('is quick', () => {});\ntest('waits in vain', async () => { ${FOREVER} });`,
    SOON,
  );
  assert.equal(hanging.status, 1);
  assert.match(hanging.output, /some\.test\.mjs hangs: .* since "waits in vain" began/);
});

test('a file that hangs after its tests says so', () => {
  const hanging = run(`test('is quick', () => {});\nafter(async () => { ${FOREVER} });`, SOON);
  assert.equal(hanging.status, 1);
  assert.match(hanging.output, /since "is quick" ended/);
});

test('a file that ends is left alone', () => {
  const fine = run("test('is quick', () => {});", 15);
  assert.deepEqual([fine.status, /hangs/.test(fine.output)], [0, false], fine.output);
});
