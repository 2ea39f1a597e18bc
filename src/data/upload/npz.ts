import type { DatasetLimits } from '../../core/contracts/dataset.ts';
import { fromArrays, type ImageArray, wholeLabels } from './arrays.ts';
import { isText, type NpyArray, numbersOf, parseNpy, textsOf } from './npy.ts';
import type { Part, Pictures } from './pictures.ts';
import { refuse, some } from './refusals.ts';
import type { ZipArchive, ZipFile } from './zip.ts';

/** Names under which images and labels of a part are found, in lower case; `#` stands for the part. */
const IMAGE_NAMES = ['x_#', '#_images', '#_x', 'images_#', '#_data'];
const LABEL_NAMES = ['y_#', '#_labels', '#_y', 'labels_#', '#_targets'];
const PART_WORDS: [Part, string[]][] = [
  ['train', ['train']],
  ['validation', ['validation', 'val', 'valid']],
  ['test', ['test']],
];
const WHOLE_IMAGES = ['x', 'images', 'data', 'arr_0'];
const WHOLE_LABELS = ['y', 'labels', 'target', 'targets', 'arr_1'];

/**
 * Arrays of NumPy: `x` and `y`, or `x_train`, `y_train`, `x_test` … Images are N×H×W, N×H×W×C, N×C×H×W, or N×(side²).
 * @throws invalid_dataset
 */
export async function fromNpz(
  archive: ZipArchive,
  names: readonly string[] | undefined,
  limits: DatasetLimits,
): Promise<Pictures> {
  try {
    const byName = new Map(
      archive.files.map((file) => [file.name.toLowerCase().replace(/\.npy$/, ''), file]),
    );
    const find = (wanted: readonly string[]): ZipFile | undefined =>
      wanted.map((name) => byName.get(name)).find((file) => file !== undefined);
    const pairs = PART_WORDS.map(([part, words]) => {
      const fill = (patterns: string[]) =>
        words.flatMap((word) => patterns.map((name) => name.replace('#', word)));
      return { part, images: find(fill(IMAGE_NAMES)), labels: find(fill(LABEL_NAMES)) };
    }).filter(({ images, labels }) => images !== undefined || labels !== undefined);
    if (pairs.length === 0)
      pairs.push({ part: 'train', images: find(WHOLE_IMAGES), labels: find(WHOLE_LABELS) });
    const arrays: ImageArray[] = [];
    for (const { part, images, labels } of pairs) {
      if (images === undefined || labels === undefined) {
        refuse(
          `The NPZ file holds ${some([...byName.keys()], 8)}. Name its arrays x and y, or x_train, y_train, x_test and y_test.`,
        );
      }
      arrays.push(await pairOf(images!, labels!, part, limits));
    }
    return fromArrays(arrays, names);
  } finally {
    archive.close();
  }
}

const readArray = async ({ name, read }: ZipFile): Promise<NpyArray> =>
  parseNpy(await read().catch((error: Error) => refuse(`${name} ${error.message}.`, error)), name);

async function pairOf(
  images: ZipFile,
  labels: ZipFile,
  part: Part,
  limits: DatasetLimits,
): Promise<ImageArray> {
  const shown = await readArray(images);
  const answers = answersOf(await readArray(labels), labels.name);
  const [count = 0] = shown.shape;
  if (count > limits.images)
    refuse(`${images.name} holds ${count} images; at most ${limits.images} are taken.`);
  const layout = layoutOf(shown.shape, images.name);
  const bytes = toBytes(numbersOf(shown, images.name), shown.type, images.name);
  return {
    name: images.name.replace(/\.npy$/, ''),
    part,
    ...layout,
    pixels: layout.channelsFirst ? channelsLast(bytes, count, layout) : bytes,
    answers,
  };
}

interface Layout {
  width: number;
  height: number;
  channels: 1 | 3;
  channelsFirst: boolean;
}

function layoutOf(shape: readonly number[], name: string): Layout {
  const [, a = 0, b, c] = shape;
  const side = Math.sqrt(a);
  if (shape.length === 2 && Number.isInteger(side)) {
    return { width: side, height: side, channels: 1, channelsFirst: false };
  }
  if (shape.length === 3) return { height: a, width: b!, channels: 1, channelsFirst: false };
  if (shape.length === 4 && (c === 1 || c === 3))
    return { height: a, width: b!, channels: c, channelsFirst: false };
  if (shape.length === 4 && (a === 1 || a === 3))
    return { height: b!, width: c!, channels: a, channelsFirst: a > 1 };
  return refuse(`${name} has the shape (${shape.join(', ')}); images are N×H×W, N×H×W×3 or N×3×H×W.`);
}

function channelsLast(bytes: Uint8Array, count: number, { width, height, channels }: Layout): Uint8Array {
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

/** Levels from 0 to 1 or from 0 to 255, as bytes. */
function toBytes(values: Uint8Array | Float64Array, type: string, name: string): Uint8Array {
  const scaled = type.endsWith('b1') ? values.map((value) => value * 255) : values;
  if (scaled instanceof Uint8Array) return scaled;
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of scaled) {
    if (!Number.isFinite(value)) refuse(`${name} holds a value that is no number.`);
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (least < 0 || most > 255) {
    refuse(
      `${name} has values from ${least} to ${most}; scale them to 0…255, or to 0…1 as floating point numbers.`,
    );
  }
  const isUnit = type.includes('f') && most <= 1;
  return Uint8Array.from(scaled, (value) => Math.round(isUnit ? value * 255 : value));
}

/** One label an image: numbers, text, or a row with a single 1. */
function answersOf(array: NpyArray, name: string): (string | number)[] {
  const [count = 0, kinds = 1] = array.shape;
  if (array.shape.length > 2)
    refuse(`${name} has ${array.shape.length} dimensions; give one label an image.`);
  if (isText(array) && kinds === 1) return textsOf(array);
  const values = numbersOf(array, name);
  if (array.shape.length === 1 || kinds === 1) return wholeLabels(values, name);
  const rows = Array.from({ length: count }, (_, row) => [...values.slice(row * kinds, (row + 1) * kinds)]);
  const isOneHot = rows.every(
    (row) => row.every((value) => value === 0 || value === 1) && row.filter(Boolean).length === 1,
  );
  if (!isOneHot) refuse(`${name} has rows that are not one-hot; give one label an image.`);
  return wholeLabels(
    rows.map((row) => row.indexOf(1)),
    name,
  );
}
