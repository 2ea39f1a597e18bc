/** The size of every image of a set. */
export interface ImageSize {
  width: number;
  height: number;
  channels: number;
}

/** The grey plane of one image in [0, 1], the mean of its channels. @param at index of the image in the set */
export function planeOf(
  images: Uint8Array,
  at: number,
  { width, height, channels }: ImageSize,
): Float64Array {
  const size = width * height;
  const start = at * size * channels;
  const plane = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += images[start + i * channels + c]!;
    plane[i] = sum / (255 * channels);
  }
  return plane;
}

export const countOf = (images: Uint8Array, { width, height, channels }: ImageSize): number =>
  images.length / (width * height * channels);

/** The middle value; the mean of the two middle ones of an even count. */
export function median(values: Float64Array): number {
  const sorted = values.toSorted();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
