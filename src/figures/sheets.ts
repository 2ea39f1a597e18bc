import { manifoldAxis } from '../core/contracts/manifold.ts';
import type { ImageSpec } from '../core/contracts/model.ts';
import { COLOURS, type Figure } from './canvas.ts';
import { axisName } from './scatter.ts';
import { textPath, textWidth } from './text.ts';
import { frame, GAP, grid, plane, rowsOfLabels, stepOf } from './tiles.ts';

const PER_ROW = 10;
const MARGIN = 14;
const TITLE = 16;
const CAPTION = 14;
/** From the upper edge to what is below the title. */
const BELOW_TITLE = 42;
/** About how wide one image is, and a whole manifold, in CSS pixels. */
const TILE_SIDE = 56;
const MANIFOLD_SIDE = 420;

const titleOf = (title: string, left: number): string =>
  textPath(title, { x: left, y: MARGIN + TITLE - 2, size: TITLE, fill: COLOURS.ink });

const noteOf = (note: string, right: number): string =>
  textPath(note, { x: right, y: MARGIN + TITLE - 2, size: 12, anchor: 'end', fill: COLOURS.muted });

/** Names beside rows of images. */
function rowNames(
  names: readonly string[],
  right: number,
  top: number,
  step: number,
  height: number,
): string {
  const y = (row: number): number => top + row * step + height / 2 + CAPTION * 0.36;
  const style = { size: CAPTION, anchor: 'end', fill: COLOURS.muted } as const;
  return names.map((name, row) => textPath(name, { ...style, x: right, y: y(row) })).join('');
}

const widest = (names: readonly string[]): number =>
  Math.ceil(Math.max(...names.map((name) => textWidth(name, CAPTION))));

/** Originals above what a sampled z is decoded to, ten a row. */
export function reconstructionsSheet(
  originals: readonly Uint8Array[],
  rebuilt: readonly Uint8Array[],
  spec: ImageSpec,
): Figure {
  const names = ['original', 'decoded'];
  const left = MARGIN + widest(names) + 10;
  const panels: NonNullable<Figure['panels']>[number][] = [];
  let svg = titleOf('Test images and their reconstructions', MARGIN);
  let [top, width] = [BELOW_TITLE, 0];
  for (let start = 0; start < originals.length; start += PER_ROW) {
    for (const [row, images] of [originals, rebuilt].entries()) {
      const raster = grid(images.slice(start, start + PER_ROW), PER_ROW, spec, TILE_SIDE);
      panels.push({ raster, left, top });
      svg += frame(raster, left, top) + rowNames([names[row]!], left - 10, top, 0, raster.height);
      width = Math.max(width, left + raster.width + MARGIN);
      top += raster.height + (row === 0 ? 2 * GAP : MARGIN);
    }
  }
  return { width, height: top, panels, svg };
}

const EVERY_LABEL = 'Every label, z drawn from N(0, I)';

/** Images that latents of N(0, I) give: a column a label where ten names at most have room above, else a row a label. */
export function labelsSheet(images: readonly Uint8Array[], spec: ImageSpec): Figure {
  const labels = spec.labels.length;
  const step = stepOf(spec, TILE_SIDE);
  const fits = spec.labels.every((name) => textWidth(name, CAPTION) <= step - GAP);
  if (!fits || labels > PER_ROW) return labelRows(images, spec, step);
  const raster = grid(images, labels, spec, TILE_SIDE);
  const top = BELOW_TITLE + 20;
  const style = { y: top - 8, size: CAPTION, anchor: 'middle', fill: COLOURS.muted } as const;
  const names = spec.labels.map((name, column) =>
    textPath(name, { ...style, x: MARGIN + column * step + (step - GAP) / 2 }),
  );
  return {
    width: raster.width + 2 * MARGIN,
    height: top + raster.height + MARGIN,
    panels: [{ raster, left: MARGIN, top }],
    svg: titleOf(EVERY_LABEL, MARGIN) + names.join('') + frame(raster, MARGIN, top),
  };
}

function labelRows(images: readonly Uint8Array[], spec: ImageSpec, step: number): Figure {
  const rows = spec.labels.length;
  const raster = grid(rowsOfLabels(images, rows), Math.ceil(images.length / rows), spec, TILE_SIDE);
  const left = MARGIN + widest(spec.labels) + 10;
  const top = BELOW_TITLE;
  return {
    width: Math.max(left + raster.width, MARGIN + Math.ceil(textWidth(EVERY_LABEL, TITLE))) + MARGIN,
    height: top + raster.height + MARGIN,
    panels: [{ raster, left, top }],
    svg:
      titleOf(EVERY_LABEL, MARGIN) +
      frame(raster, left, top) +
      rowNames(spec.labels, left - 10, top, step, step - GAP),
  };
}

/** Row by row the same styles in each label; the row of the sources' own label shows the sources themselves, marked. */
export function styleSheet(
  images: readonly Uint8Array[],
  originals: readonly Uint8Array[],
  label: number,
  spec: ImageSpec,
): Figure {
  const columns = originals.length;
  const rows = spec.labels.length;
  const shown = images.map((image, i) =>
    Math.floor(i / columns) === label ? originals[i % columns]! : image,
  );
  const raster = grid(shown, columns, spec, TILE_SIDE);
  const step = raster.height / rows + GAP / rows;
  const left = MARGIN + widest(spec.labels) + 12;
  const top = BELOW_TITLE;
  const marked = top + label * step;
  const band = { x: left - 2, y: marked - 2, width: raster.width + 4, height: step - GAP + 4 };
  const right = left + raster.width;
  return {
    width: right + MARGIN,
    height: top + raster.height + MARGIN,
    panels: [{ raster, left, top }],
    svg:
      titleOf(`Images of label ${spec.labels[label]} (framed), their style in every label`, MARGIN) +
      frame(raster, left, top) +
      rowNames(spec.labels, left - 10, top, step, step - GAP) +
      `<rect x="${band.x}" y="${band.y}" width="${band.width}" height="${band.height}" rx="2" fill="none" stroke="${COLOURS.accent}" stroke-width="2.5"/>`,
  };
}

/** One label over the first two latent dimensions, the quantiles of the prior as axes. */
export function manifoldSheet(
  images: readonly Uint8Array[],
  size: number,
  label: number,
  spec: ImageSpec,
): Figure {
  const raster = plane(images, size, spec, MANIFOLD_SIDE);
  const left = 52;
  const top = BELOW_TITLE;
  const [right, bottom] = [left + raster.width, top + raster.height];
  const axis = manifoldAxis(size);
  const parts = [
    titleOf(`Manifold of label ${spec.labels[label]}`, left),
    noteOf('quantiles of N(0, 1), 5 % to 95 %', right),
    frame(raster, left, top),
  ];
  const style = { size: 12, fill: COLOURS.muted };
  const quarter = Math.floor((size - 1) / 4);
  const middle = size % 2 === 1 ? [(size - 1) / 2] : [];
  for (const index of new Set([0, quarter, ...middle, size - 1 - quarter, size - 1])) {
    const value = axis[index]!;
    const name = (Math.abs(value) < 0.005 ? '0' : value.toFixed(2)).replace('-', '−');
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
  return {
    width: right + MARGIN,
    height: bottom + 50,
    panels: [{ raster, left, top }],
    svg: parts.join(''),
  };
}
