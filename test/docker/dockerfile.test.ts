import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { findDeployTools } from '../../scripts/setup/deploy-tools.mjs';
import { loadSettings } from '../../src/platform/settings/settings.ts';
import { ROOT, read, unknownSettings } from './support.ts';

const { bin } = await findDeployTools();
const dockerfile = read('docker/Dockerfile').replace(/\\\n/g, ' ');
const lines = (instruction: string): string[] =>
  [...dockerfile.matchAll(new RegExp(`^${instruction} (.*)$`, 'gm'))].map(([, rest]) => rest!.trim());

test('hadolint has nothing to say of the Dockerfile', {
  skip: bin ? false : 'see above: no hadolint',
}, () => {
  const { status, stdout, stderr } = spawnSync(join(bin!, 'hadolint'), ['docker/Dockerfile'], { cwd: ROOT });
  assert.equal(status, 0, `${stdout}${stderr}`);
});

test("the image's variables are settings, and with keys the server would start by them", () => {
  const [, text] = lines('ENV');
  const env = Object.fromEntries(text!.split(' ').map((pair) => pair.split('=') as [string, string]));
  assert.deepEqual(unknownSettings(Object.keys(env)), []);
  const settings = loadSettings({ ...env, API_KEYS: 'a-key-that-is-long-enough' });
  assert.deepEqual(lines('EXPOSE'), [String(settings.PORT)]);
  assert.deepEqual(lines('VOLUME'), [settings.DATA_DIR]);
  // Without keys it would refuse.
  assert.throws(() => loadSettings(env), /API_KEYS/);
});

test('the service runs as nobody special, by its number', () => {
  const [user, ...more] = lines('USER');
  assert.deepEqual(more, []);
  assert.match(user!, /^[1-9]\d*:[1-9]\d*$/);
  assert.ok(
    dockerfile.lastIndexOf('\nUSER') > dockerfile.lastIndexOf('\nRUN'),
    'nothing is installed as this user',
  );
});

test('what is copied is there, and part of the context', () => {
  const taken = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  for (const line of lines('COPY').filter((line) => !line.startsWith('--from'))) {
    for (const source of line.split(' ').slice(0, -1)) {
      assert.ok(existsSync(join(ROOT, source)), `${source} is not there`);
      assert.ok(taken.includes(source.split('/')[0]!), `.dockerignore leaves ${source} out`);
    }
  }
  // Secrets and data never are.
  for (const name of readdirSync(ROOT)) {
    if (/^(\.env.*|data|\.git|node_modules|dist)$/.test(name)) assert.ok(!taken.includes(name), name);
  }
});

test('the health check follows the readiness of the server, whatever its port', async (t) => {
  let status = 200;
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/health/ready' ? status : 404;
    response.end('{"status":"not-ready"}');
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const [, program] = /^HEALTHCHECK .*CMD (\[.*\])$/m.exec(dockerfile)!;
  const [node, ...args] = JSON.parse(program!) as string[];
  assert.equal(node, 'node');
  const check = async (env: Record<string, string>) => {
    const child = spawn(process.execPath, args, { cwd: ROOT, env: { ...process.env, ...env } });
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    const [code] = await once(child, 'close');
    return { code, said };
  };
  assert.equal((await check({ PORT: String(port) })).code, 0);
  status = 503;
  assert.deepEqual(await check({ PORT: String(port) }), { code: 1, said: '{"status":"not-ready"}\n' });
  server.close();
  server.closeAllConnections();
  assert.equal((await check({ PORT: String(port) })).code, 1);
});
