import type { Raster } from '../images/index.ts';

export type Part = 'train' | 'validation' | 'test';
/** In the order in which they are stored. */
export const PARTS: readonly Part[] = ['train', 'validation', 'test'];

/** One labelled image of an upload, before it is decoded. */
export interface Picture {
  /** What a message calls it. */
  file: string;
  label: string;
  /** Where the upload itself says to which part of the split it belongs. */
  part: Part | undefined;
  /** Images of one group stay together when the split is made. */
  group: string | undefined;
  /** @throws an error that says what is wrong with it */
  load(): Promise<Raster>;
}

/** All images of an upload. */
export interface Pictures {
  items: Picture[];
  /** Label names in their order. */
  labels: string[];
  warnings: string[];
  close(): void;
}

const LONGEST_LABEL = 60;

/** Whole numbers by their size, then other names by their characters. */
export function inLabelOrder(names: Iterable<string>): string[] {
  const isNumber = (name: string): boolean => /^\d{1,15}$/.test(name);
  return [...new Set(names)].sort((a, b) => {
    if (isNumber(a) && isNumber(b) && Number(a) !== Number(b)) return Number(a) - Number(b);
    if (isNumber(a) !== isNumber(b)) return isNumber(a) ? -1 : 1;
    return a < b ? -1 : 1;
  });
}

/** Why a text cannot be the name of a label; undefined when it can. */
export function badLabel(name: string): string | undefined {
  if (name.trim() !== name || name === '')
    return 'is no name for a label: it is empty, or begins or ends with a space';
  if (name.length > LONGEST_LABEL)
    return `is too long for the name of a label: at most ${LONGEST_LABEL} characters`;
  if (/\p{C}/u.test(name)) return 'is no name for a label: it holds control characters';
  return undefined;
}
