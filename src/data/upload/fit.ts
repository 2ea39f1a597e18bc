import { fitWhole } from '../images/index.ts';
import { type Form, forEach, type Seen } from './look.ts';
import type { Picture } from './pictures.ts';

/** All images in one form, one after another. @returns count × side × side × channels bytes */
export async function fit(
  items: readonly Picture[],
  seen: readonly Seen[],
  { side, channels, invert }: Form,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const size = side * side * channels;
  const all = new Uint8Array(items.length * size);
  await forEach(items, async (picture, at) => {
    signal.throwIfAborted();
    const raster = seen[at]!.raster ?? (await picture.load());
    const pixels = await fitWhole(raster, { width: side, height: side, channels });
    all.set(invert ? pixels.map((level) => 255 - level) : pixels, at * size);
  });
  return all;
}
