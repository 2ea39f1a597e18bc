import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/**
 * Which room of src/ may import which, types included. ARCHITECTURE.md tells what lives where; this table is the rule.
 * Run by `npm run check`; every import that breaks it is printed.
 */
const ALLOWED: Record<string, string[] | 'anything'> = {
  config: ['errors', 'keys'],
  keys: ['errors'],
  errors: ['config'],
  contracts: ['errors'],
  engine: ['contracts', 'errors'],
  model: ['engine', 'contracts', 'errors'],
  data: ['contracts', 'errors', 'images', 'engine', 'store'],
  images: ['contracts', 'errors'],
  training: ['model', 'data', 'engine', 'contracts', 'errors'],
  evaluation: ['engine', 'model', 'data', 'store', 'contracts', 'errors'],
  fonts: ['images'],
  figures: ['contracts', 'images', 'fonts', 'errors'],
  report: ['contracts', 'errors'],
  store: ['contracts', 'errors'],
  archive: ['contracts', 'errors', 'store'],
  queue: ['contracts', 'errors', 'store'],
  local: ['contracts', 'errors', 'store', 'queue'],
  runner: [
    'observe',
    'training',
    'evaluation',
    'figures',
    'data',
    'store',
    'queue',
    'local',
    'contracts',
    'errors',
  ],
  serving: ['contracts', 'errors'],
  observe: ['contracts', 'errors'],
  webhooks: ['contracts', 'errors'],
  'serving/child.ts': ['engine', 'model', 'store', 'contracts', 'errors'],
  api: [
    'contracts',
    'errors',
    'archive',
    'keys',
    'observe',
    'images',
    'figures',
    'report',
    'queue',
    'serving',
    'store',
  ],
  client: [],
  web: ['contracts'],
  bin: 'anything',
  cli: 'anything',
};

/** Packages that only some rooms may name: the API must never load TensorFlow. */
const PACKAGES: Record<string, string[]> = {
  '@tensorflow/tfjs-node-gpu': ['engine'],
  '@aws-sdk/client-s3': ['store'],
  fastify: ['api'],
  fflate: ['archive'],
  yauzl: ['data'],
  '@fastify/multipart': ['api'],
  bullmq: ['queue'],
  ioredis: ['queue'],
  'prom-client': ['observe'],
  'ipaddr.js': ['webhooks'],
  standardwebhooks: ['webhooks'],
  '@opentelemetry/api': ['observe'],
  '@opentelemetry/sdk-trace-node': ['observe'],
  '@bull-board/api': ['api'],
  sharp: ['images', 'figures'],
  'opentype.js': ['fonts', 'figures'],
  gifenc: ['figures'],
  'h264-mp4-encoder': ['figures'],
  preact: ['web'],
  '@preact/signals': ['web'],
  uplot: ['web'],
  'perfect-freehand': ['web'],
  'eventsource-parser': ['client', 'web'],
  commander: ['cli'],
};

const SOURCE = fileURLToPath(new URL('../src', import.meta.url));

/** The room of a path below src/: its first folder, or a file's own name at the top. */
const roomOf = (path: string): string => path.split('/')[0]!.replace(/\.ts$/, '');

function importsOf(file: string): string[] {
  const text = ts.sys.readFile(file) ?? '';
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
}

function problemsOf(path: string): string[] {
  const room = roomOf(path);
  const allowed = ALLOWED[path] ?? ALLOWED[room];
  if (allowed === undefined) return [`${path}: "${room}" is not in the table of rooms`];
  return importsOf(join(SOURCE, path)).flatMap((name) => {
    if (!name.startsWith('.')) {
      const owners = Object.entries(PACKAGES).find(
        ([key]) => name === key || name.startsWith(`${key}/`),
      )?.[1];
      const fine = !owners || allowed === 'anything' || owners.includes(room);
      return fine ? [] : [`${path}: only ${owners.join(' and ')} may import the package ${name}`];
    }
    const target = roomOf(relative(SOURCE, join(SOURCE, dirname(path), name)));
    const fine = allowed === 'anything' || target === room || allowed.includes(target);
    return fine ? [] : [`${path}: ${room} may not import ${target} (${name})`];
  });
}

const files = readdirSync(SOURCE, { recursive: true })
  .map(String)
  .filter((name) => /\.tsx?$/.test(name));
const problems = files.flatMap(problemsOf);
for (const problem of problems) console.error(problem);
console.log(`${files.length} files, ${problems.length} imports against the rooms' rules`);
process.exitCode = problems.length === 0 ? 0 : 1;
