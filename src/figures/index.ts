export { drawSample } from './samples.ts';
