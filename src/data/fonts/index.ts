export { type DrawnFont, type DrawnFonts, drawFonts } from './folder.ts';
export { type Design, divideFonts, LEAST_DESIGNS, type Part } from './split.ts';
