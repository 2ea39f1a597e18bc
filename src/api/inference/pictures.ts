import type { GeneratedImage } from '../../core/contracts/inference.ts';
import type { ModelRecord } from '../../core/contracts/model.ts';
import { StylographError } from '../../core/errors.ts';
import { encodePng, encodePngAsync } from '../../data/images/png.ts';
import { sheetSize, splitImages, tileImages } from '../../data/images/tiling.ts';
import type { Inference } from '../../serving/client.ts';
import type { Stopwatch } from './model.ts';

/** What is to be decoded. */
export interface Wish {
  /** Index. */
  label: number;
  latent: Float32Array;
  /** The seed the latent came from; null when it was given. */
  seed: number | null;
  /** Factor of the standard deviation the latent was drawn with. */
  truncation?: number;
}

export interface Picture extends Wish {
  pixels: Uint8Array;
}

export interface SheetLook {
  invert: boolean;
  scale: number;
}

export interface Calling {
  model: ModelRecord;
  inference: Inference;
  stopwatch: Stopwatch;
  signal: AbortSignal;
  /** Most images that the call may have decoded by the model. */
  maxImages: number;
  /** Most pixels of the sheet that answers it; any number where none does. */
  maxSheetPixels: number;
}

const squareOf = (count: number): number => Math.ceil(Math.sqrt(count));

/**
 * To be asked before anything is computed for a sheet.
 * @param columns as for the sheet itself @throws sheet_too_large
 */
export function checkSheet(
  { model, maxSheetPixels }: Calling,
  { scale }: SheetLook,
  count: number,
  columns = squareOf(count),
): void {
  const { width, height } = sheetSize(count, { ...shapeOf(model), columns, scale });
  if (width * height <= maxSheetPixels) return;
  throw new StylographError(
    'sheet_too_large',
    `The sheet would have ${width}×${height} pixels, and SHEET_PIXELS allows ${maxSheetPixels}. ` +
      'Ask for a smaller "scale", for fewer images ("size" or "count"), or for JSON.',
  );
}

/** Decodes wishes, in their order. @throws too_many_images */
export async function decodeWishes(calling: Calling, wishes: readonly Wish[]): Promise<Picture[]> {
  const { model, inference, stopwatch, signal, maxImages } = calling;
  if (wishes.length > maxImages) {
    throw new StylographError(
      'too_many_images',
      `The call asks for ${wishes.length} images; at most ${maxImages} are made at a time. Ask in several calls.`,
    );
  }
  const latents = new Float32Array(wishes.length * model.latentDim);
  wishes.forEach(({ latent }, i) => {
    latents.set(latent, i * model.latentDim);
  });
  const labels = Int32Array.from(wishes, ({ label }) => label);
  const { pixels, timings } = await inference.decode(model, latents, labels, { signal });
  stopwatch.add(timings);
  const images = splitImages(pixels, wishes.length);
  return wishes.map((wish, i) => ({ ...wish, pixels: images[i]! }));
}

/** What must be known to make the same picture again. */
function recipe(model: ModelRecord, { label, seed, truncation, latent }: Wish): Record<string, string> {
  return {
    Software: 'Stylograph',
    digest: model.digest,
    label: model.image.labels[label]!,
    ...(seed === null ? { latent: JSON.stringify(Array.from(latent)) } : { seed: String(seed) }),
    ...(truncation === undefined || truncation === 1 ? {} : { truncation: String(truncation) }),
  };
}

/** One image as the model made it, its recipe in text chunks. */
export function toPng(model: ModelRecord, picture: Picture): Buffer {
  return encodePng(picture.pixels, { ...shapeOf(model), text: recipe(model, picture) });
}

/** An image that was not made from a latent of its own, without text. */
export const plainPng = (model: ModelRecord, pixels: Uint8Array): Buffer => encodePng(pixels, shapeOf(model));

export function toJson(model: ModelRecord, picture: Picture): GeneratedImage {
  return {
    label: model.image.labels[picture.label]!,
    seed: picture.seed,
    latent: Array.from(picture.latent),
    png: toPng(model, picture).toString('base64'),
  };
}

/** Images side by side, row by row. `text` are the sheet's own text chunks. */
export async function toSheet(
  model: ModelRecord,
  images: Uint8Array[],
  columns: number,
  look: SheetLook,
  text: Record<string, string> = {},
): Promise<Buffer> {
  const sheet = tileImages(images, { ...shapeOf(model), columns, ...look });
  return await encodePngAsync(sheet.pixels, {
    ...sheet,
    text: { Software: 'Stylograph', digest: model.digest, ...text },
  });
}

/** A lone image at its own size keeps its recipe; more of them, or another look, make a sheet. */
export async function toPicture(
  model: ModelRecord,
  pictures: Picture[],
  look: SheetLook,
  columns = squareOf(pictures.length),
): Promise<Buffer> {
  const [first] = pictures;
  const images = pictures.map(({ pixels }) => pixels);
  if (pictures.length === 1) {
    const plain = look.scale === 1 && !look.invert;
    return plain ? toPng(model, first!) : await toSheet(model, images, 1, look, recipe(model, first!));
  }
  const list = (values: unknown[]): string => [...new Set(values)].join(' ');
  return await toSheet(model, images, columns, look, {
    label: list(pictures.map(({ label }) => model.image.labels[label])),
    ...(pictures.every(({ seed }) => seed !== null) ? { seed: list(pictures.map(({ seed }) => seed)) } : {}),
    ...(first?.truncation === undefined || first.truncation === 1
      ? {}
      : { truncation: String(first.truncation) }),
  });
}

const shapeOf = ({ image }: ModelRecord) => ({
  width: image.width,
  height: image.height,
  channels: image.channels,
});
