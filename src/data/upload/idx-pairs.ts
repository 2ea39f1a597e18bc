import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DATASET_PARTS, type DatasetLimits, type DatasetPart } from '../../core/contracts/dataset.ts';
import { IMAGES_MAGIC, isGzip, LABELS_MAGIC, parseIdxImages, parseIdxLabels } from '../idx.ts';
import { type ImageArray, integerLabels, picturesFromArrays } from './arrays.ts';
import type { Pictures } from './pictures.ts';
import { refuse } from './refusals.ts';

export interface NamedBytes {
  name: string;
  bytes: Uint8Array;
}

interface IdxPair {
  images?: NamedBytes;
  labels?: NamedBytes;
}

const REMEDY = 'Send an intact file.';

/** Whether bytes start like an IDX file of unsigned bytes, or like gzip. */
export const looksLikeIdx = (bytes: Uint8Array): boolean =>
  (bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 8) || isGzip(bytes);

/** Whether a file in an archive is read as IDX. */
export const isIdxName = (name: string): boolean => /(ubyte|\.idx[13]?)(\.gz)?$/i.test(name);

/**
 * Reads pairs of IDX files as MNIST's: images and labels, of one part or of several (`train-images…`, `train-labels…`,
 * `t10k-images…`).
 * @throws invalid_dataset
 */
export function picturesFromIdx(
  files: readonly NamedBytes[],
  names: readonly string[] | undefined,
  limits: DatasetLimits,
): Pictures {
  const pairs = new Map<DatasetPart, IdxPair>();
  let bytesLeft = limits.unpackedBytes;
  for (const file of files) {
    const bytes = unpack(file, bytesLeft);
    if (bytes !== file.bytes) bytesLeft -= bytes.length;
    const kind = kindOf(bytes, file.name);
    const part = files.length <= 2 ? 'train' : partOf(file.name);
    const pair = pairs.get(part) ?? {};
    if (pair[kind] !== undefined) {
      refuse(`${pair[kind].name} and ${file.name} both contain ${kind}. Send one file of each kind.`);
    }
    pairs.set(part, { ...pair, [kind]: { name: file.name, bytes } });
  }
  const arrays = DATASET_PARTS.flatMap((part) => {
    const pair = pairs.get(part);
    return pair === undefined ? [] : [readPair(pair, part, limits)];
  });
  return picturesFromArrays(arrays, names);
}

/** @param bytesLeft limit for this and all further files, unpacked */
function unpack({ name, bytes }: NamedBytes, bytesLeft: number): Uint8Array {
  if (!isGzip(bytes)) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: Math.max(bytesLeft, 1) });
  } catch (error) {
    const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    return refuse(
      isTooLarge
        ? `${name} unpacks to more than ${bytesLeft} bytes, the remainder of DATASET_UNPACKED_MIB. Send smaller images, or fewer.`
        : `${name} is damaged: it cannot be decompressed. ${REMEDY}`,
      error,
    );
  }
}

function kindOf(bytes: Uint8Array, name: string): 'images' | 'labels' {
  const magic = bytes.length >= 4 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) : 0;
  if (magic === IMAGES_MAGIC) return 'images';
  if (magic === LABELS_MAGIC) return 'labels';
  return refuse(`${name} is not an IDX file of grey images or labels as unsigned bytes. ${REMEDY}`);
}

function partOf(name: string): DatasetPart {
  const file = basename(name).toLowerCase();
  if (/t10k|test/.test(file)) return 'test';
  return /val/.test(file) ? 'validation' : 'train';
}

function readPair({ images, labels }: IdxPair, part: DatasetPart, limits: DatasetLimits): ImageArray {
  if (images === undefined || labels === undefined) {
    const given = (images ?? labels)!;
    const [present, missing] = images ? ['images', 'labels'] : ['labels', 'images'];
    return refuse(
      `${given.name} contains only ${present}. Send the file with its ${missing} too, both in one zip file or as two \`file\` parts.`,
    );
  }
  try {
    const { count, width, height, pixels } = parseIdxImages(images.bytes, {
      file: images.name,
      remedy: REMEDY,
    });
    if (count > limits.images) {
      refuse(
        `${images.name} contains ${count} images; at most ${limits.images} are accepted (DATASET_IMAGES).`,
      );
    }
    const indices = parseIdxLabels(labels.bytes, { file: labels.name, remedy: REMEDY });
    return {
      name: images.name,
      part,
      width,
      height,
      channels: 1,
      pixels,
      labels: integerLabels(indices, labels.name),
    };
  } catch (error) {
    return refuse((error as Error).message, error);
  }
}
