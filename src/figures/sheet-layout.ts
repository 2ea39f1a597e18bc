import { manifoldAxis } from '../core/contracts/manifold.ts';
import type { ImageSpec } from '../core/contracts/model.ts';
import type { Raster } from '../data/images/raster.ts';
import { tileImages } from '../data/images/tiling.ts';
import { COLOURS, type Figure, type Panel } from './canvas.ts';
import { axisName } from './scatter.ts';
import { numberText, textPath, textWidth } from './text.ts';

/** Sizes of a sheet in CSS pixels. */
export interface SheetStyle {
  margin: number;
  /** Distance of the images from the upper edge, without column names. */
  top: number;
  /** Height of column names above the images, and of their baseline. */
  columnNames: { height: number; baseline: number };
  /** Text size of row and column names. */
  caption: number;
  /** Distance between row names and images. */
  captionGap: number;
  /** Distance of a row name's baseline below the middle of its row, as a share of the text size. */
  captionDrop: number;
  /** Approximate width of an image. */
  tileSide: number;
  /** With more rows, images are half as large. */
  mostLargeRows: number;
  hasTitle: boolean;
}

/** Pictures drawn during training: large images without titles. */
export const SAMPLE_STYLE: SheetStyle = {
  margin: 12,
  top: 12,
  columnNames: { height: 20, baseline: 9 },
  caption: 13,
  captionGap: 12,
  captionDrop: 1 / 3,
  tileSide: 96,
  mostLargeRows: 30,
  hasTitle: false,
};

/** Figures of a finished run, with titles. */
export const FIGURE_STYLE: SheetStyle = {
  margin: 14,
  top: 42,
  columnNames: { height: 20, baseline: 8 },
  caption: 14,
  captionGap: 10,
  captionDrop: 0.36,
  tileSide: 56,
  mostLargeRows: Number.POSITIVE_INFINITY,
  hasTitle: true,
};

/** Images per row. */
const PER_ROW = 10;
const TITLE_SIZE = 16;
const TITLE_BASELINE = FIGURE_STYLE.margin + TITLE_SIZE - 2;
/** Approximate width of a whole manifold, with and without axes. */
const FIGURE_MANIFOLD_SIDE = 420;
const SAMPLE_MANIFOLD_SIDE = 840;
/** Width of the faint lines between images. */
const GAP = 2;
/** Grey level of the lines, that of `COLOURS.rule`. */
const LINE_LEVEL = 0xe4;

/** Arranges images with faint lines between them; grey ones as black ink on white, colour unchanged. */
const grid = (images: readonly Uint8Array[], columns: number, spec: ImageSpec, tileSide: number): Raster =>
  tileImages(images, {
    ...spec,
    columns,
    gap: GAP,
    scale: nearestScale(tileSide, spec.width),
    invert: spec.channels === 1,
    ground: LINE_LEVEL,
  });

/** Arranges size × size images without gaps as one plane of the latent space, about `side` pixels wide. */
export const plane = (
  images: readonly Uint8Array[],
  size: number,
  spec: Omit<ImageSpec, 'labels'>,
  side: number,
): Raster =>
  tileImages(images, {
    ...spec,
    columns: size,
    scale: nearestScale(side, size * spec.width),
    invert: spec.channels === 1,
  });

const nearestScale = (wanted: number, width: number): number => Math.max(1, Math.round(wanted / width));

/** Distance between the left edges of neighbouring images of a grid. */
const stepOf = (spec: ImageSpec, tileSide: number): number =>
  spec.width * nearestScale(tileSide, spec.width) + GAP;

/** Reorders images from label after label in turn to all images of one label after another. */
const groupByLabel = (images: readonly Uint8Array[], labels: number): Uint8Array[] =>
  Array.from({ length: labels }, (_, label) => images.filter((_, at) => at % labels === label)).flat();

/** A hairline around a panel. */
const frame = ({ raster: { width, height }, left, top }: Panel): string =>
  `<rect x="${left - 0.5}" y="${top - 0.5}" width="${width + 1}" height="${height + 1}" fill="none" stroke="${COLOURS.rule}"/>`;

const titlePath = (title: string, left: number): string =>
  textPath(title, { x: left, y: TITLE_BASELINE, size: TITLE_SIZE, fill: COLOURS.ink });

/** Names to the left of rows of images. */
function rowNames(
  names: readonly string[],
  panel: Pick<Panel, 'left' | 'top'>,
  row: { step: number; height: number },
  { caption, captionGap, captionDrop }: SheetStyle,
): string {
  const style = { size: caption, anchor: 'end', fill: COLOURS.muted, x: panel.left - captionGap } as const;
  const y = (index: number): number => panel.top + index * row.step + row.height / 2 + caption * captionDrop;
  return names.map((name, index) => textPath(name, { ...style, y: y(index) })).join('');
}

/** Space for row names: the left edge of the images. */
const leftOf = (names: readonly string[], { margin, caption, captionGap }: SheetStyle): number =>
  margin + Math.ceil(Math.max(...names.map((name) => textWidth(name, caption)))) + captionGap;

/** Originals above their reconstructions, ten per row. */
export function reconstructionsSheet(
  originals: readonly Uint8Array[],
  rebuilt: readonly Uint8Array[],
  spec: ImageSpec,
  style: SheetStyle,
): Figure {
  const names = ['original', 'decoded'];
  const left = leftOf(names, style);
  const panels: Panel[] = [];
  let svg = style.hasTitle ? titlePath('Test images and their reconstructions', style.margin) : '';
  let [top, width] = [style.top, 0];
  for (let start = 0; start < originals.length; start += PER_ROW) {
    for (const [row, images] of [originals, rebuilt].entries()) {
      const raster = grid(images.slice(start, start + PER_ROW), PER_ROW, spec, style.tileSide);
      const panel = { raster, left, top };
      panels.push(panel);
      svg += frame(panel) + rowNames([names[row]!], panel, { step: 0, height: raster.height }, style);
      width = Math.max(width, left + raster.width + style.margin);
      top += raster.height + (row === 0 ? 2 * GAP : style.margin);
    }
  }
  return { width, height: top, panels, svg };
}

/**
 * Images of every label. Up to ten labels whose names fit above an image have one column each, otherwise each label has
 * a row.
 */
export function labelsSheet(images: readonly Uint8Array[], spec: ImageSpec, style: SheetStyle): Figure {
  const title = style.hasTitle ? 'Every label, z drawn from N(0, I)' : undefined;
  const widest = stepOf(spec, style.tileSide) - GAP;
  const fits = spec.labels.every((name) => textWidth(name, style.caption) <= widest);
  return fits && spec.labels.length <= PER_ROW
    ? labelColumns(images, spec, style, title)
    : labelRows(images, spec, style, title);
}

function labelColumns(
  images: readonly Uint8Array[],
  spec: ImageSpec,
  { margin, top, columnNames, caption, tileSide }: SheetStyle,
  title: string | undefined,
): Figure {
  const raster = grid(images, spec.labels.length, spec, tileSide);
  const panel = { raster, left: margin, top: top + columnNames.height };
  const step = stepOf(spec, tileSide);
  const style = { size: caption, anchor: 'middle', fill: COLOURS.muted } as const;
  const y = panel.top - columnNames.baseline;
  const names = spec.labels
    .slice(0, images.length)
    .map((name, column) => textPath(name, { ...style, x: margin + column * step + (step - GAP) / 2, y }));
  return {
    width: raster.width + 2 * margin,
    height: panel.top + raster.height + margin,
    panels: [panel],
    svg: (title === undefined ? '' : titlePath(title, margin)) + names.join('') + frame(panel),
  };
}

function labelRows(
  images: readonly Uint8Array[],
  spec: ImageSpec,
  style: SheetStyle,
  title: string | undefined,
): Figure {
  const rows = spec.labels.length;
  const side = rows > style.mostLargeRows ? style.tileSide / 2 : style.tileSide;
  const raster = grid(groupByLabel(images, rows), Math.ceil(images.length / rows), spec, side);
  const panel = { raster, left: leftOf(spec.labels, style), top: style.top };
  const step = stepOf(spec, side);
  const titleRight = title === undefined ? 0 : style.margin + Math.ceil(textWidth(title, TITLE_SIZE));
  return {
    width: Math.max(panel.left + raster.width, titleRight) + style.margin,
    height: panel.top + raster.height + style.margin,
    panels: [panel],
    svg:
      (title === undefined ? '' : titlePath(title, style.margin)) +
      frame(panel) +
      rowNames(spec.labels, panel, { step, height: step - GAP }, style),
  };
}

/** One row per label with the same styles. The row of the sources' own label shows the sources, framed. */
export function styleSheet(
  images: readonly Uint8Array[],
  originals: readonly Uint8Array[],
  label: number,
  spec: ImageSpec,
): Figure {
  const style = FIGURE_STYLE;
  const columns = originals.length;
  const rows = spec.labels.length;
  const shown = images.map((image, i) =>
    Math.floor(i / columns) === label ? originals[i % columns]! : image,
  );
  const raster = grid(shown, columns, spec, style.tileSide);
  const step = raster.height / rows + GAP / rows;
  // The frame of the marked row needs two more pixels.
  const panel = { raster, left: leftOf(spec.labels, style) + 2, top: style.top };
  const { left, top } = panel;
  const band = `x="${left - 2}" y="${top + label * step - 2}" width="${raster.width + 4}" height="${step - GAP + 4}"`;
  return {
    width: left + raster.width + style.margin,
    height: top + raster.height + style.margin,
    panels: [panel],
    svg:
      titlePath(`Images of label ${spec.labels[label]} (framed), their style in every label`, style.margin) +
      frame(panel) +
      rowNames(spec.labels, panel, { step, height: step - GAP }, style) +
      `<rect ${band} rx="2" fill="none" stroke="${COLOURS.accent}" stroke-width="2.5"/>`,
  };
}

/** One label over the first two latent dimensions, without axes. */
export function plainManifold(images: readonly Uint8Array[], size: number, spec: ImageSpec): Figure {
  const { margin } = SAMPLE_STYLE;
  const raster = plane(images, size, spec, SAMPLE_MANIFOLD_SIDE);
  const panel = { raster, left: margin, top: margin };
  return {
    width: raster.width + 2 * margin,
    height: raster.height + 2 * margin,
    panels: [panel],
    svg: frame(panel),
  };
}

/** One label over the first two latent dimensions; the axes are quantiles of the prior. */
export function manifoldSheet(
  images: readonly Uint8Array[],
  size: number,
  label: number,
  spec: ImageSpec,
): Figure {
  const raster = plane(images, size, spec, FIGURE_MANIFOLD_SIDE);
  const [left, top] = [52, FIGURE_STYLE.top];
  const panel = { raster, left, top };
  const [right, bottom] = [left + raster.width, top + raster.height];
  const note = { x: right, y: TITLE_BASELINE, size: 12, anchor: 'end', fill: COLOURS.muted } as const;
  const parts = [
    titlePath(`Manifold of label ${spec.labels[label]}`, left),
    textPath('quantiles of N(0, 1), 5 % to 95 %', note),
    frame(panel),
  ];
  const axis = manifoldAxis(size);
  const quarter = Math.floor((size - 1) / 4);
  const middle = size % 2 === 1 ? [(size - 1) / 2] : [];
  const style = { size: 12, fill: COLOURS.muted };
  for (const index of new Set([0, quarter, ...middle, size - 1 - quarter, size - 1])) {
    const value = axis[index]!;
    const name = Math.abs(value) < 0.005 ? '0' : numberText(value, 2);
    const x = left + ((index + 0.5) * raster.width) / size;
    const y = top + ((index + 0.5) * raster.height) / size;
    parts.push(
      `<path d="M${x} ${bottom + 1}v4M${left - 1} ${y}h-4" stroke="${COLOURS.axis}"/>`,
      textPath(name, { ...style, x, y: bottom + 18, anchor: 'middle' }),
      textPath(name, { ...style, x: left - 8, y: y + 4, anchor: 'end' }),
    );
  }
  parts.push(...axisName('1', left + raster.width / 2, bottom + 38));
  parts.push(...axisName('2', 14, top + raster.height / 2 + 4));
  return { width: right + FIGURE_STYLE.margin, height: bottom + 50, panels: [panel], svg: parts.join('') };
}
