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

test('hadolint accepts the Dockerfile', {
  skip: bin ? false : 'see above: no hadolint',
}, () => {
  const { status, stdout, stderr } = spawnSync(join(bin!, 'hadolint'), ['docker/Dockerfile'], { cwd: ROOT });
  assert.equal(status, 0, `${stdout}${stderr}`);
});

test('the variables of the image are valid settings once keys are added', () => {
  const [, text] = lines('ENV');
  const env = Object.fromEntries(text!.split(' ').map((pair) => pair.split('=') as [string, string]));
  assert.deepEqual(unknownSettings(Object.keys(env)), []);
  const settings = loadSettings({ ...env, API_KEYS: 'a-key-that-is-long-enough' });
  assert.deepEqual(lines('EXPOSE'), [String(settings.PORT)]);
  assert.deepEqual(lines('VOLUME'), [settings.DATA_DIR]);
  // Without keys they are refused.
  assert.throws(() => loadSettings(env), /API_KEYS/);
});

test('the service runs as an unprivileged numeric user', () => {
  const [user, ...more] = lines('USER');
  assert.deepEqual(more, []);
  assert.match(user!, /^[1-9]\d*:[1-9]\d*$/);
  assert.ok(
    dockerfile.lastIndexOf('\nUSER') > dockerfile.lastIndexOf('\nRUN'),
    'nothing is installed as this user',
  );
});

test('files that are copied exist and are in the build context', () => {
  const taken = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  for (const line of lines('COPY').filter((line) => !line.startsWith('--from'))) {
    for (const source of line.split(' ').slice(0, -1)) {
      assert.ok(existsSync(join(ROOT, source)), `${source} does not exist`);
      assert.ok(taken.includes(source.split('/')[0]!), `.dockerignore leaves ${source} out`);
    }
  }
  // Secrets and data are not.
  for (const name of readdirSync(ROOT)) {
    if (/^(\.env.*|data|\.git|node_modules|dist)$/.test(name)) assert.ok(!taken.includes(name), name);
  }
});

test('the health check reports the readiness of the server on any port', async (t) => {
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
    let output = '';
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    const [code] = await once(child, 'close');
    return { code, output };
  };
  assert.equal((await check({ PORT: String(port) })).code, 0);
  status = 503;
  assert.deepEqual(await check({ PORT: String(port) }), { code: 1, output: '{"status":"not-ready"}\n' });
  server.close();
  server.closeAllConnections();
  assert.equal((await check({ PORT: String(port) })).code, 1);
});
