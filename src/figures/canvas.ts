import sharp from 'sharp';
import { encodePng } from '../data/images/png.ts';
import { enlarge, type Raster } from '../data/images/raster.ts';

/** Colours of every figure. */
export const COLOURS = {
  paper: '#ffffff',
  ink: '#1f2933',
  muted: '#616e7c',
  rule: '#e4e4e4',
  axis: '#9aa5b1',
  accent: '#3a4fd0',
} as const;

export interface Panel {
  raster: Raster;
  left: number;
  top: number;
}

export interface Figure {
  /** CSS pixels. */
  width: number;
  height: number;
  panels?: readonly Panel[];
  /** SVG elements above the panels; text as paths (see text.ts). */
  svg?: string;
}

/**
 * Renders a figure on white paper as an RGB PNG.
 * @param scale device pixels per CSS pixel: images are enlarged without smoothing, lines and letters are drawn finer
 */
export async function renderFigure(figure: Figure, scale: 1 | 2 = 1): Promise<Uint8Array> {
  const width = figure.width * scale;
  const height = figure.height * scale;
  const pixels = await sharp({ create: { width, height, channels: 3, background: COLOURS.paper } })
    .composite([
      ...(figure.panels ?? []).map(({ raster, left, top }) => {
        const dense = enlarge(raster, scale);
        return { input: bufferOf(dense.pixels), raw: dense, left: left * scale, top: top * scale };
      }),
      { input: Buffer.from(svgOf(figure, scale)), left: 0, top: 0 },
    ])
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer();
  return encodePng(pixels, { width, height, channels: 3 });
}

/** Renders a figure without panels as an SVG file on white paper. */
export function svgFigure({ width, height, svg = '' }: Figure): Uint8Array {
  const paper = `<rect width="${width}" height="${height}" fill="${COLOURS.paper}"/>`;
  return Buffer.from(svgOf({ width, height, svg: paper + svg }, 1));
}

const svgOf = ({ width, height, svg = '' }: Figure, scale: number): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width * scale}" height="${height * scale}" viewBox="0 0 ${width} ${height}">${svg}</svg>`;

/** A view of the bytes as a Buffer, which sharp requires. */
const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
