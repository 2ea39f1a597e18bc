import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, ROOT } from './paths.mjs';
import { SetupProblem, say } from './problem.mjs';
import { execute } from './processes.mjs';

const STAMP = join(ROOT, 'dist', '.built-from');

/** Compiles src/ to dist/ when its text has changed. */
export async function build() {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const wanted = digestOf(
    join(ROOT, 'package-lock.json'),
    join(ROOT, 'tsconfig.json'),
    join(ROOT, 'tsconfig.build.json'),
    ...sources,
  );
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return false;
  say('compiling TypeScript ...');
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const { code, output } = await execute(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: ROOT,
  });
  if (code !== 0)
    throw new SetupProblem(
      `TypeScript found errors:\n${output.trim()}`,
      'Mend them, then run the same command again.',
    );
  writeFileSync(STAMP, wanted);
  return true;
}
