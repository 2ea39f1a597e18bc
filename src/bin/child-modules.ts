import { fileURLToPath } from 'node:url';

/** TypeScript when this runs from source, JavaScript when it runs from the build. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

const pathOf = (name: string): string =>
  fileURLToPath(new URL(`./children/${name}.${extension}`, import.meta.url));

/** Paths of the modules that child processes run. */
export const CHILD_MODULES = {
  worker: pathOf('worker'),
  run: pathOf('run'),
  evaluation: pathOf('evaluation'),
  inference: pathOf('inference'),
  film: pathOf('film'),
  upload: pathOf('upload'),
};
