import type { DatasetLimits } from '../../core/contracts/dataset.ts';
import { decodeImage } from '../images/index.ts';
import { badLabel, inLabelOrder, type Part, type Picture, type Pictures } from './pictures.ts';
import { Refusals, refuse, some } from './refusals.ts';
import type { ZipArchive, ZipFile } from './zip.ts';

const TAKEN = /\.(png|jpe?g|webp)$/i;
const OTHER_PICTURES = /\.(gif|bmp|tiff?|svg|heic|heif|avif|psd|ico|jp2|jxl)$/i;
/** Larger pictures are shrunk to this while they are decoded; no dataset has sides beyond 64. */
const DECODED_SIDE = 256;

const PART_NAMES: Record<string, Part> = {
  train: 'train',
  training: 'train',
  validation: 'validation',
  valid: 'validation',
  val: 'validation',
  test: 'test',
  testing: 'test',
};

interface Placed {
  file: ZipFile;
  parts: string[];
}

/**
 * Pictures in a folder a label: `A/1.png`. One folder around them all is looked through. Folders `train`, `validation`
 * and `test` around the labels' fix the split, and a folder within a label's (`A/some-font/1.png`) makes a group.
 * @throws invalid_dataset
 */
export function fromFolders(archive: ZipArchive, limits: DatasetLimits): Pictures {
  const warnings: string[] = [];
  const refusals = new Refusals();
  const pictures = archive.files.filter(({ name }) => isPicture(name, refusals));
  const others = archive.files.filter(({ name }) => !TAKEN.test(name) && !OTHER_PICTURES.test(name));
  refusals.settle();
  if (pictures.length === 0) {
    refuse(
      'The archive holds no PNG, JPEG or WebP pictures. Put them into a folder a label, such as A/1.png and B/1.png.',
    );
  }
  if (others.length > 0) {
    warnings.push(`Left out, being no pictures: ${some(others.map(({ name }) => name))}.`);
  }
  const placed = withoutWrapper(pictures.map((file) => ({ file, parts: file.name.split('/') })));
  const budget = { pixels: limits.pixels };
  const items = placed.flatMap((each) => place(each, isSplit(placed), refusals, limits, budget) ?? []);
  refusals.settle();
  const labels = inLabelOrder(items.map(({ label }) => label));
  const empty = archive.folders.filter(
    (folder) => !pictures.some(({ name }) => name.startsWith(`${folder}/`)),
  );
  if (empty.length > 0) warnings.push(`Folders without pictures were left out: ${some(empty)}.`);
  return { items, labels, warnings, close: () => archive.close() };
}

function isPicture(name: string, refusals: Refusals): boolean {
  if (OTHER_PICTURES.test(name)) refusals.add(name, 'is no PNG, JPEG or WebP; convert it to one of these');
  return TAKEN.test(name);
}

/** Without a folder that is around everything, unless it is the label itself. */
function withoutWrapper(placed: Placed[]): Placed[] {
  const top = placed[0]!.parts[0];
  const isWrapped = placed.every(({ parts }) => parts.length > 2 && parts[0] === top);
  return isWrapped
    ? withoutWrapper(placed.map(({ file, parts }) => ({ file, parts: parts.slice(1) })))
    : placed;
}

/** Whether every picture is in a label's folder within one of the split. */
const isSplit = (placed: readonly Placed[]): boolean =>
  placed.every(({ parts }) => parts.length > 2 && partOf(parts[0]!) !== undefined);

const partOf = (name: string): Part | undefined => {
  const key = name.toLowerCase();
  return Object.hasOwn(PART_NAMES, key) ? PART_NAMES[key] : undefined;
};

function place(
  { file, parts }: Placed,
  split: boolean,
  refusals: Refusals,
  limits: DatasetLimits,
  budget: { pixels: number },
): Picture | undefined {
  const [label, ...rest] = split ? parts.slice(1) : parts;
  if (label === undefined || rest.length === 0) {
    refusals.add(file.name, 'is in no folder of a label; put it into one, such as A/1.png');
    return undefined;
  }
  const why =
    badLabel(label) ??
    (file.bytes > limits.imageBytes
      ? `has ${file.bytes} bytes; at most ${limits.imageBytes} are taken (IMAGE_MIB)`
      : undefined);
  if (why !== undefined) {
    refusals.add(file.name, why);
    return undefined;
  }
  // What a second pass decodes again has been counted.
  let counted: { pixels: number } | undefined = budget;
  return {
    file: file.name,
    label,
    part: split ? partOf(parts[0]!) : undefined,
    group: !split && rest.length > 1 ? rest[0] : undefined,
    load: async () => {
      const [bytes, counts] = [await file.read(), counted];
      counted = undefined;
      return await decode(bytes, limits, counts);
    },
  };
}

async function decode(bytes: Uint8Array, limits: DatasetLimits, budget: { pixels: number } | undefined) {
  if (budget !== undefined && budget.pixels < 0) {
    refuse(
      `The pictures have more than ${limits.pixels} pixels in all (DATASET_PIXELS). Send them smaller: models see at most 64×64.`,
    );
  }
  const { imagePixels: maxPixels, imageBytes: maxBytes } = limits;
  return await decodeImage(bytes, { maxPixels, maxBytes, maxSide: DECODED_SIDE, ...(budget && { budget }) });
}
