import type { DatasetPart } from '../../core/contracts/dataset.ts';
import type { Raster } from '../images/raster.ts';

/** One labelled image of an upload before it is decoded. */
export interface Picture {
  /** Its name in messages. */
  file: string;
  label: string;
  /** The part of the split that the upload assigns to it. */
  part: DatasetPart | undefined;
  /** All images of a group go to the same part of the split. */
  group: string | undefined;
  /** @throws an error that says why it cannot be decoded */
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

/** Distinct names: integers in numerical order, then the others by code unit. */
export function sortLabels(names: Iterable<string>): string[] {
  const isNumber = (name: string): boolean => /^\d{1,15}$/.test(name);
  return [...new Set(names)].sort((a, b) => {
    if (isNumber(a) && isNumber(b) && Number(a) !== Number(b)) return Number(a) - Number(b);
    if (isNumber(a) !== isNumber(b)) return isNumber(a) ? -1 : 1;
    return a < b ? -1 : 1;
  });
}

/** Why a text cannot name a label; undefined if it can. */
export function labelProblem(name: string): string | undefined {
  if (name.trim() !== name || name === '') {
    return 'is not a label name: it is empty, or starts or ends with a space';
  }
  if (name.length > LONGEST_LABEL) return `is longer than the ${LONGEST_LABEL} characters of a label name`;
  if (/\p{C}/u.test(name)) return 'is not a label name: it contains control characters';
  return undefined;
}
