import { type DatasetUpload, SIDES } from '../../core/contracts/dataset.ts';
import { errorCodeOf } from '../../core/errors.ts';
import { isOnPaper, type Raster } from '../images/index.ts';
import type { Picture } from './pictures.ts';
import { percent, Refusals, some } from './refusals.ts';

/** Images that are decoded at a time: the library has a thread for each core. */
const ABREAST = 8;
/** Bytes of decoded images that are kept for the second pass, so that most are decoded once. */
const KEPT_BYTES = 256 * 1024 * 1024;
/** Shares of dark-on-light images from which all are taken for such, and from which it is told. */
const MOSTLY = 0.9;
const SOME = 0.1;

export interface Seen {
  side: number;
  isSquare: boolean;
  isGrey: boolean;
  isDarkOnLight: boolean;
  /** Kept where there was room. */
  raster: Raster | undefined;
}

/** The form that all images get. */
export interface Form {
  side: number;
  channels: 1 | 3;
  invert: boolean;
  warnings: string[];
}

/** Does something with every item, several at a time, in order of their beginning. */
export async function forEach<T>(
  items: readonly T[],
  act: (item: T, at: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      await act(items[at]!, at);
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, work));
}

/** Decodes every picture once. @throws invalid_dataset naming those that cannot be */
export async function look(items: readonly Picture[], signal: AbortSignal): Promise<Seen[]> {
  const seen: Seen[] = [];
  const refusals = new Refusals();
  let room = KEPT_BYTES;
  await forEach(items, async (picture, at) => {
    signal.throwIfAborted();
    try {
      const raster = await picture.load();
      room -= raster.pixels.length;
      seen[at] = seenIn(raster, room > 0);
    } catch (error) {
      if (errorCodeOf(error) === 'invalid_dataset') throw error;
      refusals.add(picture.file, told((error as Error).message));
    }
  });
  refusals.settle();
  return seen;
}

/** What the decoder says, as the end of a sentence about the file. */
const told = (message: string): string =>
  (/^[a-z]/.test(message) ? message : `cannot be used: ${message}`).replace(/\.$/, '');

function seenIn(raster: Raster, keep: boolean): Seen {
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

/** Decides the form of a dataset by what its images are, unless the user did. */
export function formOf(items: readonly Picture[], seen: readonly Seen[], fields: DatasetUpload): Form {
  const warnings: string[] = [];
  const sides = seen.map((each) => each.side).sort((a, b) => a - b);
  const side = fields.size ?? nearestAllowed(sides[sides.length >> 1]!);
  const fitted = items.filter((_, at) => !seen[at]!.isSquare || seen[at]!.side !== side);
  if (fitted.length > 0) {
    warnings.push(
      `${fitted.length} of ${items.length} images are not ${side}×${side} (${some(
        fitted.map(({ file }) => file),
        2,
      )}): padded to squares with the colour of their border, then resized.`,
    );
  }
  const coloured = items.filter((_, at) => !seen[at]!.isGrey);
  const channels = fields.channels ?? (coloured.length > 0 ? 3 : 1);
  if (channels === 3 && coloured.length < items.length && fields.channels === undefined) {
    warnings.push(
      `${items.length - coloured.length} of ${items.length} images are grey, the others in colour: all are kept in colour. Send \`channels\` 1 for grey.`,
    );
  }
  return { side, channels, ...polarity(seen, channels, fields.polarity, warnings), warnings };
}

function polarity(
  seen: readonly Seen[],
  channels: 1 | 3,
  wish: DatasetUpload['polarity'],
  warnings: string[],
): { invert: boolean } {
  if (wish !== 'auto') return { invert: wish === 'invert' };
  const share = seen.filter(({ isDarkOnLight }) => isDarkOnLight).length / seen.length;
  if (channels === 3 || share < SOME) return { invert: false };
  if (share >= MOSTLY) {
    warnings.push(
      `The images are dark on light (${percent(share)} of them): all were inverted, since models draw white on black. Send \`polarity\` "keep" to leave them as they are.`,
    );
    return { invert: true };
  }
  warnings.push(
    `${percent(share)} of the images are dark on light and the others are not: they were left as they are. Models learn better when all are white on black.`,
  );
  return { invert: false };
}
