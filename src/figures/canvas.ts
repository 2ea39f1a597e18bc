import sharp from 'sharp';
import { encodePng } from '../images/png.ts';
import type { Raster } from '../images/raster.ts';

/** Colours of every figure. */
export const COLOURS = {
  paper: '#ffffff',
  ink: '#1f2933',
  muted: '#7b8794',
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
  width: number;
  height: number;
  panels?: readonly Panel[];
  /** SVG elements drawn above the panels; text as paths (see text.ts). */
  svg?: string;
}

/** Renders a figure on white paper as an RGB PNG. */
export async function renderFigure({ width, height, panels = [], svg = '' }: Figure): Promise<Uint8Array> {
  const overlay = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${svg}</svg>`;
  const pixels = await sharp({ create: { width, height, channels: 3, background: COLOURS.paper } })
    .composite([
      ...panels.map(({ raster, left, top }) => ({ input: bufferOf(raster.pixels), raw: raster, left, top })),
      { input: Buffer.from(overlay), left: 0, top: 0 },
    ])
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer();
  return encodePng(pixels, { width, height, channels: 3 });
}

/** The same bytes as a Buffer, which is what sharp composites. */
const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
