import sharp from 'sharp';

export interface PictureOptions {
  width?: number;
  height?: number;
  /** Of the drawing and of what is behind it: red, green, blue. */
  ink?: readonly [number, number, number];
  paper?: readonly [number, number, number];
  format?: 'png' | 'jpeg' | 'webp';
}

const WHITE = [255, 255, 255] as const;
const BLACK = [0, 0, 0] as const;

/** A picture that is another for every `variant`: a bar whose length and place it decides, across or upright by `kind`. */
export async function picture(
  kind: number,
  variant: number,
  options: PictureOptions = {},
): Promise<Uint8Array> {
  const { width = 32, height = 32, ink = WHITE, paper = BLACK, format = 'png' } = options;
  const pixels = new Uint8Array(width * height * 3);
  const [from, length] = [2 + (variant % 9), 8 + (Math.floor(variant / 9) % 9)];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [along, across] = kind % 2 === 0 ? [x, y] : [y, x];
      const middle = kind < 2 ? 0.5 : 0.25;
      const isInk =
        along >= from && along < from + length && Math.abs(across - middle * height) < 2 + (variant % 3);
      pixels.set(isInk ? ink : paper, (y * width + x) * 3);
    }
  }
  return await sharp(pixels, { raw: { width, height, channels: 3 } })
    [format]()
    .toBuffer();
}

/** Files of a folder a label, `count` pictures each. */
export async function folders(
  labels: readonly string[],
  count: number,
  options: PictureOptions = {},
): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  for (const [kind, label] of labels.entries()) {
    for (let variant = 0; variant < count; variant++) {
      files[`${label}/${variant}.${options.format ?? 'png'}`] = await picture(kind, variant, options);
    }
  }
  return files;
}
