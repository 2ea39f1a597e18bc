import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { downloadWheels, requireDisk } from './download.mjs';
import { withLock } from './lock.mjs';
import { CACHE, digestOf, findOnPath, ROOT } from './paths.mjs';
import { checkPlatform } from './platform.mjs';
import { SetupProblem, say } from './problem.mjs';
import { execute } from './processes.mjs';

/**
 * The native engine: libtensorflow from TensorFlow's wheel, and the tfjs-node binding compiled against it with the kernels
 * of src/engine/native. docs/adr/0001-native-engine.md explains why the download of tfjs-node is not used.
 */
const PACKAGE = join(ROOT, 'node_modules', '@tensorflow', 'tfjs-node-gpu');
const HEADERS = join(ROOT, 'node_modules', 'node-api-headers', 'include');
const BUILDS = {
  cpu: {
    requirements: join(ROOT, 'scripts/setup/engine-cpu.txt'),
    what: 'TensorFlow 2.21 for CPUs (270 MB, once)',
    gigabytes: 1.5,
  },
  cuda: {
    requirements: join(ROOT, 'scripts/setup/engine-cuda.txt'),
    what: 'TensorFlow 2.21 with CUDA 12 (3 GB download, 5.4 GB unpacked, once)',
    gigabytes: 9,
  },
};
const PLATFORMS = [
  'manylinux_2_27_x86_64',
  'manylinux_2_17_x86_64',
  'manylinux2014_x86_64',
  'manylinux1_x86_64',
];
const WANTED =
  "name.startswith('nvidia/') or name in ('tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2')" +
  " or name.startswith(('tensorflow/include/tensorflow/c/', 'tensorflow/include/tensorflow/core/platform/'," +
  " 'tensorflow/include/xla/tsl/c/', 'tensorflow/include/tsl/'))";

/** The build that `STYLOGRAPH_ENGINE` names, else CUDA if there is an NVIDIA GPU, else CPU. */
export function chooseBuild(env = process.env, hasGpu = existsSync('/proc/driver/nvidia/version')) {
  const asked = env.STYLOGRAPH_ENGINE;
  if (asked && !Object.hasOwn(BUILDS, asked)) {
    throw new SetupProblem(
      `STYLOGRAPH_ENGINE=${asked} is not known.`,
      'Set it to cpu or cuda, or leave it out.',
    );
  }
  return asked || (hasGpu ? 'cuda' : 'cpu');
}

/** Folder of a build's libraries in the shared cache. Its name contains the digest of what they are made from. */
export function engineFolder(build) {
  const made = digestOf(BUILDS[build].requirements, join(PACKAGE, 'package.json'));
  return join(CACHE, `engine-${build}-${process.arch}-${made}`);
}

const KERNELS = join(ROOT, 'src', 'engine', 'native');

/** Folder of the binding of a build. Clones with other kernels have another one. */
export function bindingFolder(build) {
  const sources = readdirSync(KERNELS)
    .sort()
    .map((file) => join(KERNELS, file));
  const made = digestOf(...sources, new URL(import.meta.url));
  return join(CACHE, `binding-${made}-${basename(engineFolder(build))}`);
}

/** Installs the engine in this clone. @returns {Promise<boolean>} whether anything had to be done */
export async function installEngine() {
  const build = chooseBuild();
  const folder = engineFolder(build);
  const binding = bindingFolder(build);
  const marker = join(PACKAGE, 'lib', 'napi-v8', 'engine.txt');
  if (existsSync(binding) && existsSync(marker) && readFileSync(marker, 'utf8') === binding) return false;
  checkPlatform();
  mkdirSync(CACHE, { recursive: true });
  await onceInCache(folder, (unfinished) => fetchLibraries(build, unfinished));
  await onceInCache(binding, (unfinished) => compileBinding(folder, unfinished));

  const target = join(PACKAGE, 'lib', 'napi-v8');
  mkdirSync(target, { recursive: true });
  rmSync(join(target, 'tfjs_binding.node'), { force: true });
  copyFileSync(join(binding, 'tfjs_binding.node'), join(target, 'tfjs_binding.node'));
  rmSync(join(PACKAGE, 'deps'), { recursive: true, force: true });
  mkdirSync(join(PACKAGE, 'deps'));
  symlinkSync(join(folder, 'tensorflow'), join(PACKAGE, 'deps', 'lib'));
  rmSync(marker, { force: true });
  writeFileSync(marker, binding);
  return true;
}

/** Creates a folder of the cache atomically and once, also if several set-ups run at the same time. */
async function onceInCache(folder, make) {
  if (existsSync(folder)) return;
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return;
    const unfinished = `${folder}.unfinished`;
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished);
    await make(unfinished);
    renameSync(unfinished, folder);
  });
}

function findCompiler() {
  const compiler = findOnPath('g++', 'clang++', 'c++');
  if (compiler) return compiler;
  throw new SetupProblem(
    "A C++ compiler is missing; it compiles the engine's binding and kernels.",
    'Install one: apt-get install -y g++   (Debian, Ubuntu)   or   dnf install -y gcc-c++   (Fedora, RHEL)',
  );
}

export async function fetchLibraries(build, into) {
  // Fail before a long download, not after it.
  findCompiler();
  const { requirements, what, gigabytes } = BUILDS[build];
  requireDisk(CACHE, gigabytes);
  await downloadWheels({ requirements, platforms: PLATFORMS, wanted: WANTED, into, what });
  symlinkSync('libtensorflow_cc.so.2', join(into, 'tensorflow', 'libtensorflow.so'));
  symlinkSync('libtensorflow_framework.so.2', join(into, 'tensorflow', 'libtensorflow_framework.so'));
}

const FAST = ['-O3', '-ffp-contract=fast', '-fno-math-errno', '-fno-trapping-math'];
/** The kernels are compiled once for each of these; which one runs is decided when the library is loaded. */
const INSTRUCTION_SETS = {
  // First, so that what the three share is the one that runs anywhere.
  sse2: [],
  avx2: ['-mavx2', '-mfma'],
  avx512: ['-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq', '-mfma'],
};

/** Compiles tfjs-node's binding and the kernels into one library. */
async function compileBinding(engine, into) {
  say("compiling the engine's binding and kernels (about 30 s) ...");
  const libraries = join(engine, 'tensorflow');
  const include = [HEADERS, join(libraries, 'include'), join(libraries, 'include', 'tensorflow')];
  const common = ['-c', '-fPIC', '-std=c++17', '-w', ...include.map((path) => `-I${path}`)];
  const units = [
    ...Object.entries(INSTRUCTION_SETS).map(([name, flags]) => ({
      name: `compute-${name}`,
      args: [...FAST, ...flags, join(KERNELS, 'compute.cc')],
    })),
    ...['ops', 'parallel'].map((name) => ({
      name,
      // TensorFlow's header of the kernel API asks for one that its wheel's headers here do not need.
      args: ['-O2', '-DIS_SLIM_BUILD', join(KERNELS, `${name}.cc`)],
    })),
    ...['tfjs_backend', 'tfjs_binding'].map((name) => ({
      name,
      args: ['-O2', '-DNAPI_VERSION=8', join(PACKAGE, 'binding', `${name}.cc`)],
    })),
  ];
  const object = ({ name }) => join(into, `${name}.o`);
  await Promise.all(units.map((unit) => compile([...common, ...unit.args, '-o', object(unit)])));
  await compile([
    ...['-shared', ...units.map(object), `-L${libraries}`, '-ltensorflow', '-ltensorflow_framework'],
    ...['-lpthread', `-Wl,-rpath,${libraries}`, '-o', join(into, 'tfjs_binding.node')],
  ]);
  for (const unit of units) rmSync(object(unit));
}

async function compile(args) {
  const { code, output } = await execute(findCompiler(), args);
  if (code === 0) return;
  throw new SetupProblem(
    `The engine's binding could not be compiled:\n${output.trim().split('\n').slice(-12).join('\n')}`,
    'It needs a C++17 compiler with its standard library, such as g++ 12 or clang 14, which are tested.',
  );
}
