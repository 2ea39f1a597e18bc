export { type DrawnSample, drawSample } from './samples.ts';
export { type DrawSheetOptions, drawSheet } from './sheet.ts';
