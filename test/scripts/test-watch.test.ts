import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const WATCH = new URL('../../scripts/test-watch.mjs', import.meta.url).href;
const THREE_SECONDS = 0.05;
const NEVER_RESOLVES = 'await new Promise((resolve) => setTimeout(resolve, 3_600_000));';

/** Runs a test file under the watch. */
function run(source: string, minutes: number): { status: number | null; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'stylograph-watch-'));
  try {
    const file = join(folder, 'watched.test.mjs');
    writeFileSync(file, `import { after, test } from 'node:test';\n${source}`);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const args = ['--import', `${WATCH}?minutes=${minutes}`, '--test', file];
    const child = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
    return { status: child.status, output: child.stdout + child.stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('a test file that hangs is stopped and the message names the test', () => {
  const hanging = run(
    `test('is quick', () => {});\ntest('never ends', async () => { ${NEVER_RESOLVES} });`,
    THREE_SECONDS,
  );
  assert.equal(hanging.status, 1);
  assert.match(hanging.output, /watched\.test\.mjs hangs: .* since "never ends" started/);
});

test('a file that hangs after its tests names the last test', () => {
  const hanging = run(
    `test('is quick', () => {});\nafter(async () => { ${NEVER_RESOLVES} });`,
    THREE_SECONDS,
  );
  assert.equal(hanging.status, 1);
  assert.match(hanging.output, /since "is quick" ended/);
});

test('a file that ends in time passes', () => {
  const ended = run("test('is quick', () => {});", 15);
  assert.deepEqual([ended.status, /hangs/.test(ended.output)], [0, false], ended.output);
});
