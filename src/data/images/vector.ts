import sharp from 'sharp';
import type { Raster } from './raster.ts';

/** Draws white SVG shapes on black, anti-aliased, as a grey picture. */
export async function drawWhite(shapes: string, width: number, height: number): Promise<Raster> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" fill="#fff"><path fill="#000" d="M0 0H${width}V${height}H0Z"/>${shapes}</svg>`;
  const pixels = await sharp(Buffer.from(svg), { unlimited: true })
    .removeAlpha()
    .toColourspace('b-w')
    .raw()
    .toBuffer();
  return { pixels: new Uint8Array(pixels), width, height, channels: 1 };
}
