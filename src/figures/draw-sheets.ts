import type { FigureName, FigureSheet, SampleSheet } from '../core/contracts/figures.ts';
import type { ImageSpec } from '../core/contracts/model.ts';
import { splitImages } from '../data/images/tiling.ts';
import { type Figure, renderFigure, svgFigure } from './canvas.ts';
import { curvesFigure } from './curves.ts';
import { allLabelsFigure, scatterFigure } from './scatter.ts';
import {
  FIGURE_STYLE,
  labelsSheet,
  manifoldSheet,
  plainManifold,
  reconstructionsSheet,
  SAMPLE_STYLE,
  type SheetStyle,
  styleSheet,
} from './sheet-layout.ts';

export interface DrawnSample {
  kind: SampleSheet['kind'];
  /** Index of the label it shows, if it shows only one. */
  label?: number;
  png: Uint8Array;
}

export type DrawnFigure = FigureName & { bytes: Uint8Array };

/**
 * Draws a picture of a model during training: grey images as black ink on white, colour unchanged. The same sheet gives
 * the same bytes on every machine, regardless of its fonts.
 */
export async function drawSampleSheet(sheet: SampleSheet, spec: ImageSpec): Promise<DrawnSample> {
  const figure =
    sheet.kind === 'manifold'
      ? plainManifold(splitImages(sheet.pixels, sheet.size ** 2), sheet.size, spec)
      : layOutSample(sheet, spec, SAMPLE_STYLE);
  const png = await renderFigure(figure);
  return { kind: sheet.kind, ...('label' in sheet && { label: sheet.label }), png };
}

/**
 * Draws a figure of a finished run for normal and dense screens; plots as SVG too. Grey images become black ink on
 * white, colour is unchanged. The same sheet gives the same bytes on every machine, regardless of its fonts.
 */
export async function drawFigureSheet(sheet: FigureSheet, spec: ImageSpec): Promise<DrawnFigure[]> {
  const figure = layOutFigure(sheet, spec);
  const name = {
    kind: sheet.kind === 'scatter-all' ? 'scatter' : sheet.kind,
    label: 'label' in sheet ? sheet.label : undefined,
  };
  const drawn: DrawnFigure[] = [
    { ...name, scale: 1, extension: 'png', bytes: await renderFigure(figure, 1) },
    { ...name, scale: 2, extension: 'png', bytes: await renderFigure(figure, 2) },
  ];
  if (figure.panels === undefined) drawn.push({ ...name, extension: 'svg', bytes: svgFigure(figure) });
  return drawn;
}

function layOutSample(
  sheet: Exclude<SampleSheet, { kind: 'manifold' }>,
  spec: ImageSpec,
  style: SheetStyle,
): Figure {
  switch (sheet.kind) {
    case 'labels':
      return labelsSheet(splitImages(sheet.pixels, sheet.count), spec, style);
    case 'reconstructions': {
      const originals = splitImages(sheet.originals, sheet.count);
      const rebuilt = splitImages(sheet.reconstructions, sheet.count);
      return reconstructionsSheet(originals, rebuilt, spec, style);
    }
    case 'scatter':
      return scatterFigure(spec.labels[sheet.label] ?? String(sheet.label), sheet.points);
  }
}

function layOutFigure(sheet: FigureSheet, spec: ImageSpec): Figure {
  switch (sheet.kind) {
    case 'manifold': {
      const images = splitImages(sheet.pixels, sheet.size ** 2);
      return manifoldSheet(images, sheet.size, sheet.label, spec);
    }
    case 'scatter-all':
      return allLabelsFigure(spec.labels, sheet.groups);
    case 'style-transfer': {
      const images = splitImages(sheet.pixels, sheet.columns * spec.labels.length);
      return styleSheet(images, splitImages(sheet.originals, sheet.columns), sheet.label, spec);
    }
    case 'losses':
      return curvesFigure('Losses and metrics over iterations', sheet.series);
    default:
      return layOutSample(sheet, spec, FIGURE_STYLE);
  }
}
