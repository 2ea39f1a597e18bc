import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { downloadWheels, requireDisk } from './download.mjs';
import { withLock } from './lock.mjs';
import { CACHE, digestOf, findOnPath, ROOT } from './paths.mjs';
import { checkPlatform } from './platform.mjs';
import { SetupProblem, say } from './problem.mjs';
import { execute } from './processes.mjs';

/**
 * The native engine: libtensorflow out of TensorFlow's wheel, and tfjs-node's binding compiled against it.
 * docs/adr/0001-native-engine.md tells why it is not tfjs-node's own download.
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
    what: 'TensorFlow 2.21 with CUDA 12 (about 3 GB to fetch, 5.4 GB unpacked, once)',
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

/** `STYLOGRAPH_ENGINE` decides; without it the CUDA build is taken where an NVIDIA GPU is found. */
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

/** Where a build of the engine lives in the shared cache; what it is made from is part of the name. */
export function engineFolder(build) {
  const made = digestOf(BUILDS[build].requirements, join(PACKAGE, 'package.json'));
  return join(CACHE, `engine-${build}-${process.arch}-${made}`);
}

/** Makes the engine usable from this clone. @returns {Promise<boolean>} whether there was anything to do */
export async function installEngine() {
  const build = chooseBuild();
  const folder = engineFolder(build);
  const marker = join(PACKAGE, 'lib', 'napi-v8', 'engine.txt');
  if (existsSync(folder) && existsSync(marker) && readFileSync(marker, 'utf8') === folder) return false;
  checkPlatform();
  mkdirSync(CACHE, { recursive: true });
  if (!existsSync(folder))
    await withLock(`${folder}.lock`, () => (existsSync(folder) ? undefined : buildEngine(build, folder)));

  const target = join(PACKAGE, 'lib', 'napi-v8');
  mkdirSync(target, { recursive: true });
  copyFileSync(join(folder, 'tfjs_binding.node'), join(target, 'tfjs_binding.node'));
  rmSync(join(PACKAGE, 'deps'), { recursive: true, force: true });
  mkdirSync(join(PACKAGE, 'deps'));
  symlinkSync(join(folder, 'tensorflow'), join(PACKAGE, 'deps', 'lib'));
  writeFileSync(marker, folder);
  return true;
}

export async function buildEngine(build, folder) {
  const compiler = findOnPath('g++', 'clang++', 'c++');
  if (!compiler) {
    throw new SetupProblem(
      "A C++ compiler is missing; it compiles the engine's small binding.",
      'Install one: apt-get install -y g++   (Debian, Ubuntu)   or   dnf install -y gcc-c++   (Fedora, RHEL)',
    );
  }
  const { requirements, what, gigabytes } = BUILDS[build];
  requireDisk(CACHE, gigabytes);
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished);
  await downloadWheels({ requirements, platforms: PLATFORMS, wanted: WANTED, into: unfinished, what });

  say('compiling the binding (about 10 s) ...');
  const libraries = join(unfinished, 'tensorflow');
  symlinkSync('libtensorflow_cc.so.2', join(libraries, 'libtensorflow.so'));
  symlinkSync('libtensorflow_framework.so.2', join(libraries, 'libtensorflow_framework.so'));
  const { code, output } = await execute(compiler, [
    ...['-shared', '-fPIC', '-O2', '-std=c++17', '-DNAPI_VERSION=8', '-w'],
    ...[HEADERS, join(libraries, 'include'), join(libraries, 'include', 'tensorflow')].map(
      (path) => `-I${path}`,
    ),
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((file) => join(PACKAGE, 'binding', file)),
    ...[
      `-L${libraries}`,
      '-ltensorflow',
      '-ltensorflow_framework',
      `-Wl,-rpath,${join(folder, 'tensorflow')}`,
    ],
    ...['-o', join(unfinished, 'tfjs_binding.node')],
  ]);
  if (code !== 0) {
    throw new SetupProblem(
      `The binding could not be compiled:\n${output.trim().split('\n').slice(-12).join('\n')}`,
      'It needs a C++17 compiler (g++ 9 or newer, clang 10 or newer) with its standard library.',
    );
  }
  renameSync(unfinished, folder);
}
