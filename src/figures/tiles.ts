import type { ImageSpec } from '../core/contracts/model.ts';
import type { Raster } from '../data/images/raster.ts';
import { tileImages } from '../data/images/sheet.ts';
import { COLOURS } from './canvas.ts';

/** Width of the faint lines between images. */
export const GAP = 2;
/** Their grey level, that of `COLOURS.rule`. */
const LINE_LEVEL = 0xe4;

/** Images with faint lines between them; grey ones as black ink on white, colour as they are. */
export const grid = (
  images: readonly Uint8Array[],
  columns: number,
  spec: ImageSpec,
  tileSide: number,
): Raster =>
  tileImages(images, {
    ...spec,
    columns,
    gap: GAP,
    scale: wholeScale(tileSide, spec.width),
    invert: spec.channels === 1,
    ground: LINE_LEVEL,
  });

/** Images edge to edge, as one plane of the latent space, about `side` pixels wide. */
export const plane = (
  images: readonly Uint8Array[],
  size: number,
  spec: Omit<ImageSpec, 'labels'>,
  side: number,
): Raster =>
  tileImages(images, {
    ...spec,
    columns: size,
    scale: wholeScale(side, size * spec.width),
    invert: spec.channels === 1,
  });

/** Images that come label after label in turn, as rows of one label each. */
export const rowsOfLabels = (images: readonly Uint8Array[], labels: number): Uint8Array[] =>
  Array.from({ length: labels }, (_, label) => images.filter((_, at) => at % labels === label)).flat();

/** From one image of a grid to the next. */
export const stepOf = (spec: ImageSpec, tileSide: number): number =>
  spec.width * wholeScale(tileSide, spec.width) + GAP;

export const wholeScale = (wanted: number, width: number): number => Math.max(1, Math.round(wanted / width));

/** A hairline around a panel. */
export const frame = (
  { width, height }: Pick<Raster, 'width' | 'height'>,
  left: number,
  top: number,
): string =>
  `<rect x="${left - 0.5}" y="${top - 0.5}" width="${width + 1}" height="${height + 1}" fill="none" stroke="${COLOURS.rule}"/>`;
