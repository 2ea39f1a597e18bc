/** A picture as bytes: height × width × channels, row-major; 1 channel is grey, 3 are red, green, blue. */
export interface Raster {
  pixels: Uint8Array;
  width: number;
  height: number;
  channels: 1 | 3;
}

/** Turns every pixel into a square of `scale` × `scale` pixels. */
export function enlarge(image: Raster, scale: number): Raster {
  const { pixels, width, height, channels } = image;
  if (scale === 1) return image;
  const rowBytes = width * scale * channels;
  const out = new Uint8Array(rowBytes * height * scale);
  for (let y = 0; y < height; y++) {
    const rowStart = y * scale * rowBytes;
    let to = rowStart;
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * channels;
      for (let copy = 0; copy < scale; copy++) {
        for (let channel = 0; channel < channels; channel++) out[to++] = pixels[from + channel]!;
      }
    }
    for (let copy = 1; copy < scale; copy++) {
      out.copyWithin(rowStart + copy * rowBytes, rowStart, rowStart + rowBytes);
    }
  }
  return { pixels: out, width: width * scale, height: height * scale, channels };
}

/** The level below which `share` (0 to 1) of the counts are. `histogram`: 256 counts. */
export function quantile(histogram: ArrayLike<number>, share: number): number {
  let total = 0;
  for (let level = 0; level < 256; level++) total += histogram[level]!;
  const wanted = share * total;
  let seen = 0;
  for (let level = 0; level < 256; level++) {
    seen += histogram[level]!;
    if (seen > wanted || seen === total) return level;
  }
  return 255;
}
