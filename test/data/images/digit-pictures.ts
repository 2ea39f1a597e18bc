import sharp from 'sharp';
import { loadDataset } from '../../../src/data/datasets.ts';
import { encodePng } from '../../../src/data/images/png.ts';
import type { Raster } from '../../../src/data/images/raster.ts';

export const SPEC = { width: 28, height: 28, channels: 1 } as const;

/** The first `count` MNIST test digits, 784 bytes each, white on black. */
export async function digits(dataDir: string, count: number): Promise<Uint8Array[]> {
  const { test } = await loadDataset('mnist', dataDir);
  return Array.from({ length: count }, (_, at) => test.images.slice(at * 784, (at + 1) * 784));
}

export const inverted = (pixels: Uint8Array): Uint8Array => pixels.map((level) => 255 - level);

export const png = (pixels: Uint8Array, scale = 1): Buffer => encodePng(pixels, { ...SPEC, scale });

/** Paints a digit as `ink` on `paper`, both RGB. */
export function painted(digit: Uint8Array, ink: readonly number[], paper: readonly number[]): Raster {
  const pixels = new Uint8Array(digit.length * 3);
  for (const [at, level] of digit.entries()) {
    for (let channel = 0; channel < 3; channel++) {
      const mixed = (ink[channel]! * level + paper[channel]! * (255 - level)) / 255;
      pixels[at * 3 + channel] = Math.round(mixed);
    }
  }
  return { ...SPEC, channels: 3, pixels };
}

/** A digit as a phone's camera sees it: grey paper, uneven light, sensor noise, JPEG. */
export async function photographed(digit: Uint8Array): Promise<Buffer> {
  const side = 300;
  const large = await sharp(digit, { raw: SPEC }).resize(side, side).toColourspace('b-w').raw().toBuffer();
  let state = 1;
  const noise = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state / 0x7fffffff - 0.5) * 30;
  };
  const seen = large.map((level, at) => {
    const light = 130 + (at % side) * 0.25 + Math.floor(at / side) * 0.12;
    return Math.max(0, Math.min(255, light - (level / 255) * 90 + noise()));
  });
  return sharp(seen, { raw: { width: side, height: side, channels: 1 } })
    .jpeg({ quality: 75 })
    .toBuffer();
}

/** Mean absolute difference of levels, 0 to 255. */
export function difference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, level, at) => sum + Math.abs(level - b[at]!), 0) / a.length;
}
