import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { KeyRing } from '../../src/platform/keys/index.ts';
import { publishModel, startServer, type TestServer } from '../api/test-server.ts';

const KEY = 'the-key-of-another-service';
const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'stylograph-examples-'));
const seven = join(folder, 'seven.png');
let server: TestServer;
before(async () => {
  server = await startServer({ keys: await KeyRing.open({ specs: [`infer:${KEY}`] }) });
  await publishModel(server.models);
  const strokes = '<path d="M8 9h12l-6 14" stroke="#fff" stroke-width="2.5" fill="none"/>';
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="28" height="28"><rect width="28" height="28"/>${strokes}</svg>`;
  writeFileSync(seven, await sharp(Buffer.from(svg)).png().toBuffer());
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const hasProgram = (name: string): boolean => spawnSync(name, ['--version']).status === 0;
const skipWithout = (name: string) =>
  hasProgram(name) ? false : `needs ${name}: install it, for instance with apt-get install -y ${name}`;

async function run(program: string, args: string[], key = KEY) {
  const child = spawn(program, args, {
    env: { ...process.env, STYLOGRAPH_URL: server.url, STYLOGRAPH_API_KEY: key },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

test('a Python program restyles a picture', { skip: skipWithout('python3') }, async () => {
  const out = join(folder, 'python');
  const { code, out: said, err } = await run('python3', [join(EXAMPLES, 'restyle.py'), seven, out]);
  assert.equal(code, 0, err);
  assert.match(said, /^10 pictures in the style of a \d /);
  assert.deepEqual(readdirSync(out).sort(), [...[...'0123456789'].map((n) => `${n}.png`), 'style.json']);
  const { width, height } = await sharp(join(out, '3.png')).metadata();
  assert.deepEqual([width, height], [28, 28]);
  assert.equal(JSON.parse(readFileSync(join(out, 'style.json'), 'utf8')).mean.length, 4);

  const refused = await run('python3', [join(EXAMPLES, 'restyle.py'), seven, out], 'not-the-right-key');
  assert.equal(refused.code, 1);
  assert.match(refused.err, /unauthorized \(401\): Send a valid key/);
});

test('a shell script restyles a picture', { skip: skipWithout('curl') }, async () => {
  const out = join(folder, 'ten.png');
  const { code, err } = await run('sh', [join(EXAMPLES, 'restyle.sh'), seven, out]);
  assert.equal(code, 0, err);
  const { width, height, format } = await sharp(out).metadata();
  assert.equal(format, 'png');
  assert.ok(width > height, `${width}×${height}`);

  const never = join(folder, 'never.png');
  const refused = await run('sh', [join(EXAMPLES, 'restyle.sh'), join(EXAMPLES, 'restyle.sh'), never]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /answered 422: .*invalid_image/);
  assert.ok(!existsSync(never) && !existsSync(`${never}.part`));
});
