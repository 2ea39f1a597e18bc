import type { DatasetLimits, DatasetPart } from '../../core/contracts/dataset.ts';
import { abbreviate } from '../abbreviate.ts';
import { type ImageArray, integerLabels, picturesFromArrays } from './arrays.ts';
import { hasStrings, type NpyArray, numbersOf, parseNpy, stringsOf } from './npy.ts';
import type { Pictures } from './pictures.ts';
import { refuse } from './refusals.ts';
import { readOrRefuse, type ZipArchive, type ZipFile } from './zip.ts';

/** Lower-case names of the images and labels of a part; `#` is replaced by the name of the part. */
const IMAGE_NAMES = ['x_#', '#_images', '#_x', 'images_#', '#_data'];
const LABEL_NAMES = ['y_#', '#_labels', '#_y', 'labels_#', '#_targets'];
const PART_NAMES: [DatasetPart, string[]][] = [
  ['train', ['train']],
  ['validation', ['validation', 'val', 'valid']],
  ['test', ['test']],
];
/** Names of images and labels that are not split. */
const UNSPLIT_IMAGES = ['x', 'images', 'data', 'arr_0'];
const UNSPLIT_LABELS = ['y', 'labels', 'target', 'targets', 'arr_1'];

/**
 * Reads NumPy arrays: `x` and `y`, or `x_train`, `y_train`, `x_test` … Images are N×H×W, N×H×W×C, N×C×H×W or N×(side²).
 * @throws invalid_dataset
 */
export async function picturesFromNpz(
  archive: ZipArchive,
  names: readonly string[] | undefined,
  limits: DatasetLimits,
): Promise<Pictures> {
  try {
    const byName = new Map(
      archive.files.map((file) => [file.name.toLowerCase().replace(/\.npy$/, ''), file]),
    );
    const arrays: ImageArray[] = [];
    for (const { part, images, labels } of findPairs(byName)) {
      if (images === undefined || labels === undefined) {
        return refuse(
          `The NPZ file contains ${abbreviate([...byName.keys()], 8)}. Name its arrays x and y, or x_train, y_train, x_test and y_test.`,
        );
      }
      arrays.push(await readPair(images, labels, part, limits));
    }
    return picturesFromArrays(arrays, names);
  } finally {
    archive.close();
  }
}

interface FilePair {
  part: DatasetPart;
  images: ZipFile | undefined;
  labels: ZipFile | undefined;
}

function findPairs(byName: ReadonlyMap<string, ZipFile>): FilePair[] {
  const find = (candidates: readonly string[]): ZipFile | undefined =>
    candidates.map((name) => byName.get(name)).find((file) => file !== undefined);
  const pairs = PART_NAMES.map(([part, partNames]) => {
    const fill = (patterns: string[]) =>
      partNames.flatMap((partName) => patterns.map((pattern) => pattern.replace('#', partName)));
    return { part, images: find(fill(IMAGE_NAMES)), labels: find(fill(LABEL_NAMES)) };
  }).filter(({ images, labels }) => images !== undefined || labels !== undefined);
  return pairs.length > 0
    ? pairs
    : [{ part: 'train', images: find(UNSPLIT_IMAGES), labels: find(UNSPLIT_LABELS) }];
}

const readArray = async (file: ZipFile): Promise<NpyArray> => parseNpy(await readOrRefuse(file), file.name);

async function readPair(
  imageFile: ZipFile,
  labelFile: ZipFile,
  part: DatasetPart,
  limits: DatasetLimits,
): Promise<ImageArray> {
  const images = await readArray(imageFile);
  const labels = labelsOf(await readArray(labelFile), labelFile.name);
  const [count = 0] = images.shape;
  if (count > limits.images) {
    refuse(
      `${imageFile.name} contains ${count} images; at most ${limits.images} are accepted (DATASET_IMAGES).`,
    );
  }
  const { isChannelsFirst, ...size } = layoutOf(images.shape, imageFile.name);
  const bytes = toBytes(numbersOf(images, imageFile.name), images.type, imageFile.name);
  const pixels = isChannelsFirst ? channelsLast(bytes, count, size) : bytes;
  return { name: imageFile.name.replace(/\.npy$/, ''), part, ...size, pixels, labels };
}

interface ImageSize {
  width: number;
  height: number;
  channels: 1 | 3;
}

function layoutOf(shape: readonly number[], name: string): ImageSize & { isChannelsFirst: boolean } {
  const [, a = 0, b = 0, c = 0] = shape;
  const side = Math.sqrt(a);
  if (shape.length === 2 && Number.isInteger(side)) {
    return { width: side, height: side, channels: 1, isChannelsFirst: false };
  }
  if (shape.length === 3) return { height: a, width: b, channels: 1, isChannelsFirst: false };
  if (shape.length === 4 && (c === 1 || c === 3)) {
    return { height: a, width: b, channels: c, isChannelsFirst: false };
  }
  if (shape.length === 4 && (a === 1 || a === 3)) {
    return { height: b, width: c, channels: a, isChannelsFirst: a > 1 };
  }
  return refuse(
    `${name} has the shape (${shape.join(', ')}). Images must be N×H×W, N×H×W×3, N×3×H×W or N×(side²).`,
  );
}

function channelsLast(bytes: Uint8Array, count: number, { width, height, channels }: ImageSize): Uint8Array {
  const plane = width * height;
  const out = new Uint8Array(bytes.length);
  for (let image = 0; image < count; image++) {
    for (let channel = 0; channel < channels; channel++) {
      const from = (image * channels + channel) * plane;
      for (let at = 0; at < plane; at++) out[(image * plane + at) * channels + channel] = bytes[from + at]!;
    }
  }
  return out;
}

/** Converts levels from 0 to 1 or from 0 to 255 to bytes. */
function toBytes(values: Uint8Array | Float64Array, type: string, name: string): Uint8Array {
  const scaled = type.endsWith('b1') ? values.map((value) => value * 255) : values;
  if (scaled instanceof Uint8Array) return scaled;
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of scaled) {
    if (!Number.isFinite(value)) refuse(`${name} contains NaN or infinity. Use finite levels only.`);
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (least < 0 || most > 255) {
    refuse(
      `${name} has values from ${least} to ${most}. Scale them to 0…255, or to 0…1 as floating-point numbers.`,
    );
  }
  const isUnit = type.includes('f') && most <= 1;
  return Uint8Array.from(scaled, (value) => Math.round(isUnit ? value * 255 : value));
}

/** Reads one label per image: a number, a string, or a one-hot row. */
function labelsOf(array: NpyArray, name: string): (string | number)[] {
  const { shape } = array;
  const [count = 0, columns = 1] = shape;
  if (shape.length > 2) refuse(`${name} has ${shape.length} dimensions. Give one label per image.`);
  if (hasStrings(array) && columns === 1) return stringsOf(array);
  const values = numbersOf(array, name);
  if (shape.length === 1 || columns === 1) return integerLabels(values, name);
  const rows = Array.from({ length: count }, (_, row) => [
    ...values.slice(row * columns, (row + 1) * columns),
  ]);
  const isOneHot = rows.every(
    (row) => row.every((value) => value === 0 || value === 1) && row.filter(Boolean).length === 1,
  );
  if (!isOneHot) refuse(`${name} has rows that are not one-hot. Give one label per image.`);
  return integerLabels(
    rows.map((row) => row.indexOf(1)),
    name,
  );
}
