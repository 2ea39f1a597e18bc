import type { SampleSheet } from '../core/contracts/figures.ts';
import type { ImageSpec } from '../core/contracts/model.ts';
import { splitImages } from '../data/images/sheet.ts';
import { COLOURS, type Figure, renderFigure } from './canvas.ts';
import { scatterFigure } from './scatter.ts';
import { textPath, textWidth } from './text.ts';
import { frame, GAP, grid, plane, rowsOfLabels, stepOf } from './tiles.ts';

const PER_ROW = 10;
const MARGIN = 12;
const HEADER = 20;
const CAPTION = 13;
/** About how wide one image is drawn, and a whole manifold. */
const TILE_SIDE = 96;
const MANIFOLD_SIDE = 840;
/** Rows from which images are drawn half as large. */
const MANY_ROWS = 30;

export interface DrawnSample {
  kind: SampleSheet['kind'];
  /** Index of the one label it shows. */
  label?: number;
  png: Uint8Array;
}

/**
 * Draws what a model makes during training: grey images as black ink on white, colour as they are.
 * The same sheet gives the same bytes, whatever fonts the machine has.
 */
export async function drawSample(sheet: SampleSheet, spec: ImageSpec): Promise<DrawnSample> {
  switch (sheet.kind) {
    case 'labels':
      return {
        kind: sheet.kind,
        png: await renderFigure(labelsFigure(splitImages(sheet.pixels, sheet.count), spec)),
      };
    case 'reconstructions': {
      const originals = splitImages(sheet.originals, sheet.count);
      const rebuilt = splitImages(sheet.reconstructions, sheet.count);
      return { kind: sheet.kind, png: await renderFigure(reconstructionsFigure(originals, rebuilt, spec)) };
    }
    case 'manifold': {
      const images = splitImages(sheet.pixels, sheet.size ** 2);
      const png = await renderFigure(manifoldFigure(images, sheet.size, spec));
      return { kind: sheet.kind, label: sheet.label, png };
    }
    case 'scatter': {
      const name = spec.labels[sheet.label] ?? String(sheet.label);
      const png = await renderFigure(scatterFigure(name, sheet.points));
      return { kind: sheet.kind, label: sheet.label, png };
    }
  }
}

/** A column a label with its name above where ten names at most have room there, else a row a label. */
function labelsFigure(images: readonly Uint8Array[], spec: ImageSpec): Figure {
  const step = stepOf(spec, TILE_SIDE);
  const fits = spec.labels.every((name) => textWidth(name, CAPTION) <= step - GAP);
  return fits && spec.labels.length <= PER_ROW ? labelColumns(images, spec, step) : labelRows(images, spec);
}

function labelRows(images: readonly Uint8Array[], spec: ImageSpec): Figure {
  const rows = spec.labels.length;
  const side = rows > MANY_ROWS ? TILE_SIDE / 2 : TILE_SIDE;
  const raster = grid(rowsOfLabels(images, rows), Math.ceil(images.length / rows), spec, side);
  const step = stepOf(spec, side);
  const left = 2 * MARGIN + Math.ceil(Math.max(...spec.labels.map((name) => textWidth(name, CAPTION))));
  const names = spec.labels.map((name, row) =>
    textPath(name, {
      x: left - MARGIN,
      y: MARGIN + row * step + (step - GAP) / 2 + CAPTION / 3,
      size: CAPTION,
      anchor: 'end',
      fill: COLOURS.muted,
    }),
  );
  return {
    width: left + raster.width + MARGIN,
    height: raster.height + 2 * MARGIN,
    panels: [{ raster, left, top: MARGIN }],
    svg: frame(raster, left, MARGIN) + names.join(''),
  };
}

function labelColumns(images: readonly Uint8Array[], spec: ImageSpec, step: number): Figure {
  const raster = grid(images, spec.labels.length, spec, TILE_SIDE);
  const top = MARGIN + HEADER;
  const names = spec.labels.slice(0, images.length).map((name, column) =>
    textPath(name, {
      x: MARGIN + column * step + (step - GAP) / 2,
      y: MARGIN + CAPTION - 2,
      size: CAPTION,
      anchor: 'middle',
      fill: COLOURS.muted,
    }),
  );
  return {
    width: raster.width + 2 * MARGIN,
    height: raster.height + top + MARGIN,
    panels: [{ raster, left: MARGIN, top }],
    svg: frame(raster, MARGIN, top) + names.join(''),
  };
}

/** Originals above reconstructions, ten a row. */
function reconstructionsFigure(
  originals: readonly Uint8Array[],
  rebuilt: readonly Uint8Array[],
  spec: ImageSpec,
): Figure {
  const captions = ['original', 'decoded'] as const;
  const left =
    MARGIN + Math.ceil(Math.max(...captions.map((caption) => textWidth(caption, CAPTION)))) + MARGIN;
  const figure = { width: 0, height: MARGIN, panels: [] as NonNullable<Figure['panels']>[number][], svg: '' };
  for (let start = 0; start < originals.length; start += PER_ROW) {
    for (const [row, images] of [originals, rebuilt].entries()) {
      const raster = grid(images.slice(start, start + PER_ROW), PER_ROW, spec, TILE_SIDE);
      figure.panels.push({ raster, left, top: figure.height });
      figure.svg += frame(raster, left, figure.height);
      figure.svg += textPath(captions[row]!, {
        x: left - MARGIN,
        y: figure.height + raster.height / 2 + CAPTION / 3,
        size: CAPTION,
        anchor: 'end',
        fill: COLOURS.muted,
      });
      figure.width = Math.max(figure.width, left + raster.width + MARGIN);
      figure.height += raster.height + (row === 0 ? 2 * GAP : MARGIN);
    }
  }
  return figure;
}

/** Images edge to edge, as one plane of the latent space. */
function manifoldFigure(images: readonly Uint8Array[], size: number, spec: ImageSpec): Figure {
  const raster = plane(images, size, spec, MANIFOLD_SIDE);
  return {
    width: raster.width + 2 * MARGIN,
    height: raster.height + 2 * MARGIN,
    panels: [{ raster, left: MARGIN, top: MARGIN }],
    svg: frame(raster, MARGIN, MARGIN),
  };
}
