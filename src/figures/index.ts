export { type DrawnSample, drawSample } from './samples.ts';
