import { type DatasetUpload, SIDES } from '../../core/contracts/dataset.ts';
import { errorCodeOf } from '../../core/errors.ts';
import { abbreviate } from '../abbreviate.ts';
import { fitWhole, isOnPaper } from '../images/normalize.ts';
import type { Raster } from '../images/raster.ts';
import type { Picture } from './pictures.ts';
import { Refusals } from './refusals.ts';

/** Images that are decoded concurrently; the decoder has one thread per core. */
const CONCURRENCY = 8;
/** Bytes of decoded images that are kept for conversion, so that most images are decoded once. */
const KEPT_BYTES = 256 * 1024 * 1024;
/** From this share of dark-on-light images on, all are inverted; from the smaller one on, there is a warning. */
const MOST = 0.9;
const SOME = 0.1;

/** What the decoded image showed. */
export interface Inspected {
  side: number;
  isSquare: boolean;
  isGrey: boolean;
  isDarkOnLight: boolean;
  /** Kept while there is memory for it. */
  raster: Raster | undefined;
}

/** The form to which all images are converted. */
export interface CommonForm {
  side: number;
  channels: 1 | 3;
  invert: boolean;
}

/** Decodes every picture once. @throws invalid_dataset naming those that cannot be decoded */
export async function inspectPictures(items: readonly Picture[], signal: AbortSignal): Promise<Inspected[]> {
  const inspected: Inspected[] = [];
  const refusals = new Refusals();
  let bytesLeft = KEPT_BYTES;
  await forEachConcurrently(items, async (picture, at) => {
    signal.throwIfAborted();
    try {
      const raster = await picture.load();
      bytesLeft -= raster.pixels.length;
      inspected[at] = inspect(raster, bytesLeft > 0);
    } catch (error) {
      if (errorCodeOf(error) === 'invalid_dataset') throw error;
      refusals.add(picture.file, predicateOf((error as Error).message));
    }
  });
  refusals.throwIfAny();
  return inspected;
}

/** Calls `act` for every item, several at a time, started in order. */
async function forEachConcurrently<T>(
  items: readonly T[],
  act: (item: T, at: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      await act(items[at]!, at);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
}

/** A decoder's message as a predicate for the file's name. */
const predicateOf = (message: string): string =>
  (/^[a-z]/.test(message) ? message : `cannot be used: ${message}`).replace(/\.$/, '');

function inspect(raster: Raster, keep: boolean): Inspected {
  const { width, height, channels } = raster;
  const isGrey = channels === 1;
  return {
    side: Math.max(width, height),
    isSquare: width === height,
    isGrey,
    isDarkOnLight: isGrey && isOnPaper(raster),
    raster: keep ? raster : undefined,
  };
}

const nearestAllowed = (side: number): number =>
  Math.min(SIDES.most, Math.max(SIDES.least, Math.round(side / SIDES.step) * SIDES.step));

/** Chooses the form that the user asked for, otherwise the one that suits most images. */
export function chooseForm(
  items: readonly Picture[],
  inspected: readonly Inspected[],
  fields: DatasetUpload,
): { form: CommonForm; warnings: string[] } {
  const warnings: string[] = [];
  const sides = inspected.map((each) => each.side).sort((a, b) => a - b);
  const side = fields.size ?? nearestAllowed(sides[sides.length >> 1]!);
  const resized = items.filter((_, at) => !inspected[at]!.isSquare || inspected[at]!.side !== side);
  if (resized.length > 0) {
    const files = resized.map(({ file }) => file);
    warnings.push(
      `${resized.length} of ${items.length} images are not ${side}×${side} (${abbreviate(files, 2)}). They were padded to squares with the colour of their border and resized.`,
    );
  }
  const coloured = items.filter((_, at) => !inspected[at]!.isGrey);
  const channels = fields.channels ?? (coloured.length > 0 ? 3 : 1);
  if (channels === 3 && coloured.length < items.length && fields.channels === undefined) {
    warnings.push(
      `${items.length - coloured.length} of ${items.length} images are grey, the others in colour. All were stored in colour; send \`channels\` 1 for grey.`,
    );
  }
  const { invert, warning } = choosePolarity(inspected, channels, fields.polarity);
  if (warning !== undefined) warnings.push(warning);
  return { form: { side, channels, invert }, warnings };
}

function choosePolarity(
  inspected: readonly Inspected[],
  channels: 1 | 3,
  polarity: DatasetUpload['polarity'],
): { invert: boolean; warning?: string } {
  if (polarity !== 'auto') return { invert: polarity === 'invert' };
  const share = inspected.filter(({ isDarkOnLight }) => isDarkOnLight).length / inspected.length;
  if (channels === 3 || share < SOME) return { invert: false };
  const percent = `${Math.round(100 * share)} %`;
  if (share >= MOST) {
    return {
      invert: true,
      warning: `The images are dark on light (${percent} of them). All were inverted, because models draw white on black. Send \`polarity\` "keep" to leave them unchanged.`,
    };
  }
  return {
    invert: false,
    warning: `${percent} of the images are dark on light, the others are not. They were left unchanged; models learn better if all are white on black.`,
  };
}

/** Converts all images to one form. @returns count × side × side × channels bytes */
export async function convertPictures(
  items: readonly Picture[],
  inspected: readonly Inspected[],
  { side, channels, invert }: CommonForm,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const size = side * side * channels;
  const all = new Uint8Array(items.length * size);
  await forEachConcurrently(items, async (picture, at) => {
    signal.throwIfAborted();
    const raster = inspected[at]!.raster ?? (await picture.load());
    const pixels = await fitWhole(raster, { width: side, height: side, channels });
    all.set(invert ? pixels.map((level) => 255 - level) : pixels, at * size);
  });
  return all;
}
