import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { digestOf, ROOT } from './paths.mjs';
import { SetupProblem, say } from './problem.mjs';
import { execute } from './processes.mjs';

const BUNDLER = join(ROOT, 'scripts', 'build-web.mjs');
const STAMP = join(ROOT, 'dist', '.built-from');

/** Runs a step of the build. @throws SetupProblem with what it printed */
async function step(what, args) {
  const { code, output } = await execute(process.execPath, args, { cwd: ROOT });
  if (code === 0) return;
  throw new SetupProblem(
    `${what} found errors:\n${output.trim()}`,
    'Mend them, then run the same command again.',
  );
}

/** Compiles src/ to dist/ and bundles the dashboard into dist/web/ when their text has changed. */
export async function build() {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const wanted = digestOf(
    join(ROOT, 'package-lock.json'),
    join(ROOT, 'tsconfig.json'),
    join(ROOT, 'tsconfig.build.json'),
    BUNDLER,
    ...sources,
  );
  const isCurrent = () => existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted;
  if (isCurrent()) return false;
  // Two commands that start at once must not take each other's dist/ away.
  return await withLock(join(ROOT, 'node_modules', '.building'), async () => {
    if (isCurrent()) return false;
    say('compiling TypeScript ...');
    rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
    const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    await step('TypeScript', [compiler, '-p', 'tsconfig.build.json']);
    await step('The dashboard', [BUNDLER]);
    writeFileSync(STAMP, wanted);
    return true;
  });
}
