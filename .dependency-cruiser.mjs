/**
 * Which folder of src/ may import which, types included; `npm run check` enforces it. ARCHITECTURE.md explains the folders.
 * Each line lists the folders that a folder may import besides itself.
 */
const MAY_IMPORT = {
  core: [],
  platform: ['core'],
  engine: ['core'],
  model: ['core', 'engine'],
  data: ['core', 'platform/processes', 'store'],
  store: ['core', 'platform/processes', 'model/architecture'],
  training: ['core', 'platform/processes', 'engine', 'model', 'data', 'store'],
  figures: ['core', 'platform/processes', 'data/images', 'data/fonts'],
  runs: ['core', 'platform', 'store'],
  serving: ['core', 'platform'],
  api: ['core', 'platform', 'store', 'data/images', 'figures', 'runs', 'serving', 'model/architecture'],
  client: [],
  web: ['core/presentation', 'core/contracts/built-in', 'client'],
  bin: [
    ...['core', 'platform', 'data', 'store', 'figures', 'runs', 'serving', 'api', 'client'],
    'training/evaluation/client',
  ],
};

/** The programs that a process runs, each with what it may reach beyond its folder. */
const PROGRAMS = {
  'runs/child': ['core', 'platform', 'store', 'runs', 'data', 'model', 'engine', 'training', 'figures'],
  'bin/children': [
    ...['runs/child', 'runs/worker', 'serving/child', 'figures', 'data/upload', 'bin/child-modules'],
    'training/evaluation/child',
  ],
  'serving/child': ['core', 'platform', 'store', 'serving', 'model', 'engine'],
};

/** Packages that only some folders may import. */
const PACKAGES = {
  '@tensorflow/tfjs-node-gpu': ['engine'],
  '@aws-sdk/client-s3': ['store'],
  fastify: ['api', 'bin/cli/local'],
  '@fastify/multipart': ['api'],
  '@bull-board/api': ['api'],
  fflate: ['store/archive', 'bin/cli'],
  yauzl: ['data/upload'],
  bullmq: ['runs'],
  ioredis: ['platform', 'runs'],
  'prom-client': ['platform/telemetry'],
  '@opentelemetry/api': ['platform/telemetry'],
  '@opentelemetry/sdk-trace-node': ['platform/telemetry'],
  'ipaddr.js': ['runs/webhooks'],
  standardwebhooks: ['runs/webhooks'],
  sharp: ['data/images', 'figures'],
  'opentype.js': ['data/fonts', 'figures'],
  gifenc: ['figures'],
  'h264-mp4-encoder': ['figures'],
  preact: ['web'],
  '@preact/signals': ['web'],
  uplot: ['web'],
  'perfect-freehand': ['web'],
  'eventsource-parser': ['client'],
  commander: ['bin/cli'],
};

const anyOf = (folders) => `^src/(${folders.join('|')})(/|\\.)`;

export default {
  forbidden: [
    {
      name: 'no-cycle',
      comment: 'Files that import each other cannot be understood or tested alone.',
      severity: 'error',
      from: { path: '^src' },
      to: { circular: true },
    },
    ...Object.entries(MAY_IMPORT).map(([folder, others]) => ({
      name: `${folder}-layer`,
      comment: `${folder}/ may import ${others.join(', ') || 'no other folder'}.`,
      severity: 'error',
      from: { path: anyOf([folder]), pathNot: anyOf(Object.keys(PROGRAMS)) },
      to: { path: '^src', pathNot: anyOf([folder, ...others]) },
    })),
    ...Object.entries(PROGRAMS).map(([program, others]) => ({
      name: `${program.replace('/', '-')}-layer`,
      comment: `${program} may import ${others.join(', ')}.`,
      severity: 'error',
      from: { path: anyOf([program]) },
      to: { path: '^src', pathNot: anyOf(others) },
    })),
    ...Object.entries(PACKAGES).map(([name, folders]) => ({
      name: `${name}-only-in-${folders.join('-').replaceAll('/', '-')}`,
      comment: `Only ${folders.join(' and ')} may import the package ${name}.`,
      severity: 'error',
      from: { path: '^src', pathNot: anyOf(folders) },
      to: { path: `node_modules/${name}/` },
    })),
    {
      name: 'no-tensorflow-in-the-server',
      comment:
        'An op blocks the event loop: only the child processes that train or infer may load TensorFlow.',
      severity: 'error',
      from: {
        path: [
          '^src/bin/(server|stylograph)\\.ts$',
          '^src/bin/(server|cli)/',
          '^src/bin/children/(worker|film|upload)\\.ts$',
          '^src/training/evaluation/client\\.ts$',
          '^src/api/',
          '^src/web/',
          '^src/client/',
        ],
      },
      to: { path: 'node_modules/@tensorflow/', reachable: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
