export { type DrawnFigure, drawFigures } from './figures.ts';
export { type EncodingTask, encodeFilm } from './films.ts';
export { FilmPacker } from './frames.ts';
export { type DrawnSample, drawSample } from './samples.ts';
