export { decodeImage } from './decode.ts';
export { fitWhole, isOnPaper, type NormalizeMode, normalizeImage } from './normalize.ts';
export { imageFromPixels } from './pixels.ts';
export { encodePng, encodePngAside } from './png.ts';
export type { Raster } from './raster.ts';
export { sheetSize, splitImages, tileImages } from './sheet.ts';
export { drawWhite } from './vector.ts';
