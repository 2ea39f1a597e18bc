import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findBrowser } from './setup/browser.mjs';
import { build } from './setup/build.mjs';
import { setUp } from './setup/index.mjs';
import { ROOT } from './setup/paths.mjs';
import { run, SetupProblem } from './setup/problem.mjs';
import { findS3Server } from './setup/s3.mjs';

/** Campaigns and sweeps that take minutes each; `--long` runs them, and only them. */
const LONG = '.long.test.ts';

/** Files that start a whole service. They take longest, so they start first: at the end both processes are busy. */
const STARTS_SERVICE = /^test[\\/](bin|web|scripts|client)\b/;

/** Tests that use an S3 bucket. */
const NEEDS_S3 = /\b(store|replicas|bucket)\b/;

/** Minutes without progress after which a test file is stopped. */
const HANGS_AFTER = 15;

/** Registers the hooks of test-loader.mjs; child processes inherit the argument. */
const LOADER = `data:text/javascript,${encodeURIComponent(
  `import { register } from 'node:module'; register(${JSON.stringify(new URL('./test-loader.mjs', import.meta.url).href)});`,
)}`;

/** The test files whose path contains one of the filters. */
function testFiles(long, filters) {
  const files = readdirSync(join(ROOT, 'test'), { recursive: true })
    .map((name) => join('test', String(name)))
    .filter((name) => name.endsWith('.test.ts') && name.endsWith(LONG) === long)
    .filter((name) => filters.length === 0 || filters.some((part) => name.includes(part)))
    .sort();
  if (files.length > 0) return files;
  // Given no file at all, Node's runner would run every file that it takes for a test.
  throw new SetupProblem(
    `No test file has ${filters.map((part) => `"${part}"`).join(' or ')} in its path.`,
    `Arguments are parts of paths, such as "store/models". Files named *${LONG} need "npm run test:long".`,
  );
}

/** Names the programs that some tests need in environment variables. */
async function findPrograms(files) {
  if (files.some((name) => name.startsWith(join('test', 'web')))) {
    const browser = await findBrowser();
    if (browser) process.env.CHROMIUM = browser;
  }
  if (files.some((name) => NEEDS_S3.test(name))) {
    const server = await findS3Server();
    if (server) process.env.S3_SERVER = server;
  }
}

/** npm test [-- [--long] part of a file's path ...] */
await run(async () => {
  const filters = process.argv.slice(2);
  const long = filters.includes('--long');
  const files = testFiles(
    long,
    filters.filter((part) => part !== '--long'),
  );
  const { redisServer } = await setUp();
  if (redisServer) process.env.REDIS_SERVER ??= redisServer;
  await build();
  await findPrograms(files);
  const [first, rest] = [true, false].map((isFirst) =>
    files.filter((name) => STARTS_SERVICE.test(name) === isFirst),
  );
  const args = [
    '--enable-source-maps',
    '--import',
    LOADER,
    '--import',
    new URL(`./test-watch.mjs?minutes=${HANGS_AFTER}`, import.meta.url).href,
    '--test',
    '--test-concurrency=2',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
  ];
  const child = spawn(process.execPath, ['--no-warnings', ...args, ...first, ...rest], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)));
});
