export { DEFAULT_DECODE_LIMITS, type DecodeLimits, decodeImage } from './decode.ts';
export { type NormalizeMode, normalizeImage } from './normalize.ts';
export { imageFromPixels, type PixelRows } from './pixels.ts';
export { encodePng, type PngOptions } from './png.ts';
export type { Raster } from './raster.ts';
export { type SheetOptions, splitImages, tileImages } from './sheet.ts';
