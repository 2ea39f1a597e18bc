import type { DatasetLimits, DatasetPart } from '../../core/contracts/dataset.ts';
import { abbreviate } from '../abbreviate.ts';
import { decodeImage } from '../images/decode.ts';
import type { Raster } from '../images/raster.ts';
import { labelProblem, type Picture, type Pictures, sortLabels } from './pictures.ts';
import { Refusals, refuse } from './refusals.ts';
import type { ZipArchive, ZipFile } from './zip.ts';

const ACCEPTED = /\.(png|jpe?g|webp)$/i;
const OTHER_PICTURES = /\.(gif|bmp|tiff?|svg|heic|heif|avif|psd|ico|jp2|jxl)$/i;
/** Larger pictures are shrunk to this side when they are decoded; no dataset has sides over 64. */
const DECODED_SIDE = 256;
/** Names that a warning lists. */
const LISTED = 3;

const PART_NAMES: Record<string, DatasetPart> = {
  train: 'train',
  training: 'train',
  validation: 'validation',
  valid: 'validation',
  val: 'validation',
  test: 'test',
  testing: 'test',
};

interface PathOf {
  file: ZipFile;
  /** Its folders and its name. */
  path: string[];
}

/** Remaining pixels of all pictures together. */
interface PixelBudget {
  pixels: number;
}

/**
 * Reads pictures from one folder per label, such as `A/1.png`. A single folder around all of them is ignored. Folders
 * `train`, `validation` and `test` around the label folders set the split. A folder within a label folder
 * (`A/some-font/1.png`) is a group.
 * @throws invalid_dataset
 */
export function picturesFromFolders(archive: ZipArchive, limits: DatasetLimits): Pictures {
  const refusals = new Refusals();
  for (const { name } of archive.files) {
    if (OTHER_PICTURES.test(name)) refusals.add(name, 'is not PNG, JPEG or WebP; convert it to one of these');
  }
  refusals.throwIfAny();
  const pictures = archive.files.filter(({ name }) => ACCEPTED.test(name));
  if (pictures.length === 0) {
    refuse(
      'The archive contains no PNG, JPEG or WebP pictures. Put them into one folder per label, such as A/1.png and B/1.png.',
    );
  }
  const paths = withoutWrapper(pictures.map((file) => ({ file, path: file.name.split('/') })));
  const isSplit = paths.every(({ path }) => path.length > 2 && partOf(path[0]!) !== undefined);
  const budget = { pixels: limits.pixels };
  const items = paths.flatMap((each) => toPicture(each, isSplit, refusals, limits, budget) ?? []);
  refusals.throwIfAny();
  return {
    items,
    labels: sortLabels(items.map(({ label }) => label)),
    warnings: leftOutWarnings(archive, pictures),
    close: () => archive.close(),
  };
}

function leftOutWarnings({ files, folders }: ZipArchive, pictures: readonly ZipFile[]): string[] {
  const warnings: string[] = [];
  const others = files.filter(({ name }) => !ACCEPTED.test(name)).map(({ name }) => name);
  if (others.length > 0) {
    warnings.push(`Files that are not pictures were left out: ${abbreviate(others, LISTED)}.`);
  }
  const empty = folders.filter((folder) => !pictures.some(({ name }) => name.startsWith(`${folder}/`)));
  if (empty.length > 0) {
    warnings.push(`Folders without pictures were left out: ${abbreviate(empty, LISTED)}.`);
  }
  return warnings;
}

/** Removes folders that contain all pictures, except the label folder. */
function withoutWrapper(paths: PathOf[]): PathOf[] {
  const top = paths[0]!.path[0];
  const isWrapped = paths.every(({ path }) => path.length > 2 && path[0] === top);
  return isWrapped ? withoutWrapper(paths.map(({ file, path }) => ({ file, path: path.slice(1) }))) : paths;
}

function partOf(folder: string): DatasetPart | undefined {
  const key = folder.toLowerCase();
  return Object.hasOwn(PART_NAMES, key) ? PART_NAMES[key] : undefined;
}

function toPicture(
  { file, path }: PathOf,
  isSplit: boolean,
  refusals: Refusals,
  limits: DatasetLimits,
  budget: PixelBudget,
): Picture | undefined {
  const [label, ...rest] = isSplit ? path.slice(1) : path;
  if (label === undefined || rest.length === 0) {
    refusals.add(file.name, 'is not in a label folder; put it into one, such as A/1.png');
    return undefined;
  }
  const problem =
    labelProblem(label) ??
    (file.bytes > limits.imageBytes
      ? `has ${file.bytes} bytes; at most ${limits.imageBytes} are accepted (IMAGE_MIB)`
      : undefined);
  if (problem !== undefined) {
    refusals.add(file.name, problem);
    return undefined;
  }
  // Only the first decoding counts.
  let counted: PixelBudget | undefined = budget;
  return {
    file: file.name,
    label,
    part: isSplit ? partOf(path[0]!) : undefined,
    group: !isSplit && rest.length > 1 ? rest[0] : undefined,
    load: async () => {
      const [bytes, pixelBudget] = [await file.read(), counted];
      counted = undefined;
      return await decode(bytes, limits, pixelBudget);
    },
  };
}

async function decode(
  bytes: Uint8Array,
  limits: DatasetLimits,
  budget: PixelBudget | undefined,
): Promise<Raster> {
  if (budget !== undefined && budget.pixels < 0) {
    refuse(
      `The pictures have more than ${limits.pixels} pixels in total (DATASET_PIXELS). Send smaller ones: models see at most 64×64.`,
    );
  }
  const { imagePixels: maxPixels, imageBytes: maxBytes } = limits;
  return await decodeImage(bytes, { maxPixels, maxBytes, maxSide: DECODED_SIDE, ...(budget && { budget }) });
}
