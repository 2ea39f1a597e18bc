import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { DatasetLimits } from '../../core/contracts/dataset.ts';
import { parseIdxImages, parseIdxLabels } from '../idx.ts';
import { fromArrays, type ImageArray, wholeLabels } from './arrays.ts';
import { PARTS, type Part, type Pictures } from './pictures.ts';
import { refuse } from './refusals.ts';

export interface NamedBytes {
  name: string;
  bytes: Uint8Array;
}

const IMAGES_MAGIC = 0x0803;
const LABELS_MAGIC = 0x0801;
const REMEDY = 'Send the intact file.';

/** Whether bytes begin as an IDX file of unsigned bytes does, or as gzip. */
export const looksLikeIdx = (bytes: Uint8Array): boolean =>
  (bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 8) || isGzip(bytes);

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** Which files of an archive are taken for IDX. */
export const isIdxName = (name: string): boolean => /(ubyte|\.idx[13]?)(\.gz)?$/i.test(name);

/**
 * IDX files as MNIST's: images and labels, of one part or of several (`train-images…`, `train-labels…`, `t10k-images…`).
 * @throws invalid_dataset
 */
export function fromIdx(
  files: readonly NamedBytes[],
  names: readonly string[] | undefined,
  limits: DatasetLimits,
): Pictures {
  const found = new Map<Part, { images?: NamedBytes; labels?: NamedBytes }>();
  let left = limits.unpackedBytes;
  for (const file of files) {
    const bytes = unpacked(file, left);
    if (bytes !== file.bytes) left -= bytes.length;
    const kind = kindOf(bytes, file.name);
    const part = files.length <= 2 ? 'train' : partOf(file.name);
    const pair = found.get(part) ?? {};
    if (pair[kind] !== undefined)
      refuse(`${pair[kind].name} and ${file.name} both hold ${kind}; send one of each.`);
    found.set(part, { ...pair, [kind]: { name: file.name, bytes } });
  }
  const arrays = PARTS.flatMap((part) => {
    const pair = found.get(part);
    return pair === undefined ? [] : [arrayOf(pair, part, limits)];
  });
  return fromArrays(arrays, names);
}

/** @param left bytes that this and all further files may have once they are unpacked */
function unpacked({ name, bytes }: NamedBytes, left: number): Uint8Array {
  if (!isGzip(bytes)) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: Math.max(left, 1) });
  } catch (error) {
    return refuse(
      `${name} cannot be unpacked (${(error as Error).message}); it may have ${left} bytes, what the files before it leave of DATASET_UNPACKED_MIB. ${REMEDY}`,
      error,
    );
  }
}

function kindOf(bytes: Uint8Array, name: string): 'images' | 'labels' {
  const magic = bytes.length >= 4 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) : 0;
  if (magic === IMAGES_MAGIC) return 'images';
  if (magic === LABELS_MAGIC) return 'labels';
  return refuse(`${name} is no IDX file of grey images or of labels as unsigned bytes.`);
}

function partOf(name: string): Part {
  const file = basename(name).toLowerCase();
  if (/t10k|test/.test(file)) return 'test';
  return /val/.test(file) ? 'validation' : 'train';
}

function arrayOf(
  { images, labels }: { images?: NamedBytes; labels?: NamedBytes },
  part: Part,
  limits: DatasetLimits,
): ImageArray {
  if (images === undefined || labels === undefined) {
    const given = (images ?? labels)!;
    return refuse(
      `${given.name} holds ${images ? 'images' : 'labels'} alone; send the file of its ${images ? 'labels' : 'images'} too, both in one zip file or as two \`file\` parts.`,
    );
  }
  try {
    const shown = parseIdxImages(images.bytes, { file: images.name, remedy: REMEDY });
    if (shown.count > limits.images)
      refuse(`${images.name} holds ${shown.count} images; at most ${limits.images} are taken.`);
    const answers = parseIdxLabels(labels.bytes, { file: labels.name, remedy: REMEDY });
    const { width, height, pixels } = shown;
    return {
      name: images.name,
      part,
      width,
      height,
      channels: 1,
      pixels,
      answers: wholeLabels(answers, labels.name),
    };
  } catch (error) {
    return refuse((error as Error).message, error);
  }
}
