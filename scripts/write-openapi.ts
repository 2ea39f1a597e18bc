/** Writes openapi/openapi.json from the routes; `--check` only checks whether it is up to date. */
import { readFile, writeFile } from 'node:fs/promises';
import { buildApp } from '../src/api/app.ts';
import type { ApiDeps } from '../src/api/deps.ts';

const target = new URL('../openapi/openapi.json', import.meta.url);
const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
/** A dependency that describing routes never calls. */
const uncalled = <T extends object>(): T => ({}) as T;

// The optional parts must be present, since their routes exist only with them.
const parts: Partial<ApiDeps> = {
  models: uncalled<ApiDeps['models']>(),
  meter: uncalled<NonNullable<ApiDeps['meter']>>(),
  queues: () => [],
  sessions: uncalled<NonNullable<ApiDeps['sessions']>>(),
  webhooks: uncalled<NonNullable<ApiDeps['webhooks']>>(),
};
const app = await buildApp({ version, ...parts } as ApiDeps);
await app.ready();
const text = `${JSON.stringify(app.swagger(), null, 2)}\n`;
await app.close();

if (process.argv.includes('--check')) {
  const current = await readFile(target, 'utf8').catch(() => '');
  if (current !== text) {
    console.error('openapi/openapi.json is out of date; run "npm run openapi" and commit it.');
    process.exitCode = 1;
  }
} else {
  await writeFile(target, text);
  console.log(`openapi/openapi.json: ${(text.length / 1024).toFixed(0)} KB`);
}
