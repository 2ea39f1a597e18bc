import type { FigureName, FigureSheet } from '../core/contracts/figures.ts';
import type { ImageSpec } from '../core/contracts/model.ts';
import { splitImages } from '../data/images/sheet.ts';
import { type Figure, renderFigure, svgFigure } from './canvas.ts';
import { curvesFigure } from './curves.ts';
import { allLabelsFigure, scatterFigure } from './scatter.ts';
import { labelsSheet, manifoldSheet, reconstructionsSheet, styleSheet } from './sheets.ts';

export type DrawnFigure = FigureName & { bytes: Uint8Array };

/**
 * Draws a figure of a finished run for plain and for dense screens, and as SVG where it is a plot. Grey images become
 * black ink on white, colour stays as it is. The same sheet gives the same bytes, whatever fonts the machine has.
 */
export async function drawFigures(sheet: FigureSheet, spec: ImageSpec): Promise<DrawnFigure[]> {
  const { kind, label, figure } = layOut(sheet, spec);
  const name = { kind, label };
  const drawn: DrawnFigure[] = [
    { ...name, scale: 1, extension: 'png', bytes: await renderFigure(figure, 1) },
    { ...name, scale: 2, extension: 'png', bytes: await renderFigure(figure, 2) },
  ];
  if (figure.panels === undefined) drawn.push({ ...name, extension: 'svg', bytes: svgFigure(figure) });
  return drawn;
}

function layOut(sheet: FigureSheet, spec: ImageSpec): { kind: string; label?: number; figure: Figure } {
  const { kind } = sheet;
  switch (kind) {
    case 'labels':
      return { kind, figure: labelsSheet(splitImages(sheet.pixels, sheet.count), spec) };
    case 'reconstructions': {
      const originals = splitImages(sheet.originals, sheet.count);
      const rebuilt = splitImages(sheet.reconstructions, sheet.count);
      return { kind, figure: reconstructionsSheet(originals, rebuilt, spec) };
    }
    case 'manifold': {
      const images = splitImages(sheet.pixels, sheet.size ** 2);
      return { kind, label: sheet.label, figure: manifoldSheet(images, sheet.size, sheet.label, spec) };
    }
    case 'scatter': {
      const name = spec.labels[sheet.label] ?? String(sheet.label);
      return { kind, label: sheet.label, figure: scatterFigure(name, sheet.points) };
    }
    case 'scatter-all':
      return { kind: 'scatter', figure: allLabelsFigure(spec.labels, sheet.groups) };
    case 'style-transfer': {
      const images = splitImages(sheet.pixels, sheet.columns * spec.labels.length);
      const originals = splitImages(sheet.originals, sheet.columns);
      return { kind, label: sheet.label, figure: styleSheet(images, originals, sheet.label, spec) };
    }
    case 'losses':
      return { kind, figure: curvesFigure('Losses and metrics over iterations', sheet.series) };
  }
}
