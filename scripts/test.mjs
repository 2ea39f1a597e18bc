import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findBrowser } from './setup/browser.mjs';
import { build } from './setup/build.mjs';
import { setUp } from './setup/index.mjs';
import { ROOT } from './setup/paths.mjs';
import { run } from './setup/problem.mjs';
import { findS3Server } from './setup/s3.mjs';

/** Tests that want a bucket. */
const NEEDS_S3 = /\b(store|replicas|bucket)\b/;

/** Minutes without a sign of life after which a file of tests is ended; the slowest takes six as a whole on a busy machine. */
const HANGS_AFTER = 15;

/** npm test [-- part of a file's path ...] */
await run(async () => {
  const { redisServer } = await setUp();
  if (redisServer) process.env.REDIS_SERVER ??= redisServer;
  await build();
  const filters = process.argv.slice(2);
  const files = readdirSync(join(ROOT, 'test'), { recursive: true })
    .map((name) => join('test', String(name)))
    .filter((name) => name.endsWith('.test.ts'))
    .filter((name) => filters.length === 0 || filters.some((part) => name.includes(part)))
    .sort();
  if (files.some((name) => name.startsWith(join('test', 'web')))) {
    const browser = await findBrowser();
    if (browser) process.env.CHROMIUM = browser;
  }
  if (files.some((name) => NEEDS_S3.test(name))) {
    const server = await findS3Server();
    if (server) process.env.S3_SERVER = server;
  }
  const reporter = 'spec';
  const args = [
    '--import',
    'tsx',
    '--import',
    new URL(`./test-watch.mjs?minutes=${HANGS_AFTER}`, import.meta.url).href,
    '--test',
    '--test-concurrency=2',
    `--test-reporter=${reporter}`,
    '--test-reporter-destination=stdout',
  ];
  const child = spawn(process.execPath, ['--no-warnings', ...args, ...files], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)));
});
