import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { digestOf, ROOT } from './paths.mjs';
import { SetupProblem, say } from './problem.mjs';
import { execute } from './processes.mjs';

const BUNDLER = join(ROOT, 'scripts', 'build-web.mjs');
const API = join(ROOT, 'openapi', 'openapi.json');
const CLIENT_TYPES = join(ROOT, 'src', 'client', 'schema.ts');
const LUA_COPIER = join(ROOT, 'scripts', 'copy-lua.mjs');
const STAMP = join(ROOT, 'dist', '.built-from');

/** Runs a step of the build. @throws SetupProblem with the step's output */
async function step(what, args) {
  const { code, output } = await execute(process.execPath, args, { cwd: ROOT });
  if (code === 0) return;
  throw new SetupProblem(
    `${what} found errors:\n${output.trim()}`,
    'Fix them, then run the same command again.',
  );
}

/** Generates the client's types, compiles src/ to dist/, copies the Redis scripts and bundles the dashboard into dist/web/, if a source changed. */
export async function build() {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => path !== CLIENT_TYPES)
    .sort();
  const wanted = digestOf(
    join(ROOT, 'package-lock.json'),
    join(ROOT, 'tsconfig.json'),
    join(ROOT, 'tsconfig.build.json'),
    BUNDLER,
    API,
    LUA_COPIER,
    ...sources,
  );
  const isCurrent = () =>
    existsSync(CLIENT_TYPES) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted;
  if (isCurrent()) return false;
  // Two commands that start at the same time must not delete each other's dist/.
  return await withLock(join(ROOT, 'node_modules', '.building'), async () => {
    if (isCurrent()) return false;
    say('compiling TypeScript ...');
    rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
    const generator = join(ROOT, 'node_modules', 'openapi-typescript', 'bin', 'cli.js');
    await step('openapi-typescript', [generator, API, '--output', CLIENT_TYPES]);
    const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    await step('TypeScript', [compiler, '-p', 'tsconfig.build.json']);
    await step('Copying the Redis scripts', [LUA_COPIER]);
    await step('The dashboard', [BUNDLER]);
    writeFileSync(STAMP, wanted);
    return true;
  });
}
