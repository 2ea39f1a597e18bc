import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

/** Short forms of `npm run chaos` and `npm run soak`. */
async function run(program: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const path = fileURLToPath(new URL(`../../bench/${program}`, import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', path, ...args]);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, out, err };
}

test('a run that is killed and disturbed at random ends like an undisturbed one, and nothing is lost', {
  timeout: 3_600_000,
}, async () => {
  const disturbances = [
    'kill run',
    'kill API',
    'kill Redis',
    'kill everything',
    'hang inference',
    'repeat request',
  ];
  const { code, out, err } = await run(
    'chaos.ts',
    ...['--minutes', '0.5', '--seed', 'test', '--iterations', '60', '--only', disturbances.join(',')],
  );
  assert.equal(code, 0, `${out}\n${err}`);
  assert.match(out, /the same in all \d+ disturbed runs\.\nLost: nothing\./);
});

test('under mixed load and training no request fails, and the memory of every process is reported', {
  timeout: 3_600_000,
}, async () => {
  const { code, out, err } = await run('service-soak.ts', '--minutes', '0.3', '--iterations', '100000');
  assert.equal(code, 0, `${out}\n${err}`);
  assert.match(out, /inference +\d+ MB in the second quarter, \d+ in the last/);
  assert.match(out, /"200":\d+.* 0 failures/);
});
