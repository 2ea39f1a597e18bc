import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * Module hooks that load TypeScript in the processes of the tests. tsx does more, and costs each of these several
 * hundred processes up to a second. esbuild is loaded only for files that changed since they were last compiled.
 */

const CACHE = fileURLToPath(new URL('../node_modules/.cache/stylograph-tests/', import.meta.url));
mkdirSync(CACHE, { recursive: true });

async function compile(path, text) {
  const { transform } = await import('esbuild');
  const { code } = await transform(text, {
    loader: 'ts',
    format: 'esm',
    target: 'node20',
    sourcefile: path,
    sourcemap: 'inline',
    sourcesContent: false,
  });
  return code;
}

/** The JavaScript of a TypeScript file, from the cache if the file has not changed. */
async function javaScriptOf(path) {
  const text = readFileSync(path, 'utf8');
  const digest = createHash('sha256').update(path).update('\0').update(text).digest('hex');
  const cached = join(CACHE, `${basename(path)}-${digest.slice(0, 32)}.js`);
  try {
    return readFileSync(cached, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  const code = await compile(path, text);
  // Several processes may compile the same file at once.
  const unfinished = `${cached}.${process.pid}`;
  writeFileSync(unfinished, code);
  renameSync(unfinished, cached);
  return code;
}

export async function load(url, context, nextLoad) {
  const { protocol, pathname } = new URL(url);
  if (protocol !== 'file:' || !pathname.endsWith('.ts')) return await nextLoad(url, context);
  return { format: 'module', source: await javaScriptOf(fileURLToPath(url)), shortCircuit: true };
}
