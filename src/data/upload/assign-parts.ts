import { DATASET_PARTS, type DatasetPart } from '../../core/contracts/dataset.ts';
import { abbreviate } from '../abbreviate.ts';
import { permutation } from '../permutation.ts';
import { refuse } from './refusals.ts';

/** The properties of an image that decide its part of the split. */
export interface SplitItem {
  /** Index of its label. */
  label: number;
  /** Digest of its pixels. */
  content: string;
  /** The part that the upload assigns. */
  part: DatasetPart | undefined;
  group: string | undefined;
}

/** Share of validation, and of test, that an upload does not provide: as in MNIST's training images. */
const SHARE = 1 / 12;
/** One image of each label per part of the split. */
const LEAST_OF_LABEL = 3;
/** Labels that a message lists. */
const LISTED = 5;

/**
 * Assigns every image to a part: as the upload says, otherwise whole groups, otherwise each label in its own shares. The
 * result is the same for the same images. Equal images of a label stay together, so that no test image was trained on.
 *
 * @throws invalid_dataset if a label has too few different images
 */
export function assignParts(
  items: readonly SplitItem[],
  labels: readonly string[],
): { parts: DatasetPart[]; warnings: string[] } {
  if (items.every(({ part }) => part !== undefined)) return useGivenParts(items, labels);
  requireImages(items, labels, LEAST_OF_LABEL);
  const warnings: string[] = [];
  const groups = new Set(items.map(({ group }) => group));
  if (groups.size > LEAST_OF_LABEL && !groups.has(undefined)) {
    const parts = assignGroups(items, labels.length);
    if (parts !== undefined) return { parts, warnings };
    warnings.push(
      'The split is by image, not by group (the folders within label folders): no split by group has every label in every part.',
    );
  }
  return { parts: assignByLabel(items, labels.length, ['test', 'validation']), warnings };
}

function requireImages(items: readonly SplitItem[], labels: readonly string[], least: number): void {
  const contents = labels.map(() => new Set<string>());
  for (const { label, content } of items) contents[label]!.add(content);
  const poor = labels.filter((_, label) => contents[label]!.size < least);
  if (poor.length > 0) {
    refuse(
      `Too few different images of ${abbreviate(poor, LISTED)}: every label needs at least ${least}, for training, validation and test. Add images or leave the label out.`,
    );
  }
}

/** Takes the share of every wanted part from each label; the rest is for training. */
function assignByLabel(
  items: readonly SplitItem[],
  labelCount: number,
  wanted: readonly DatasetPart[],
): DatasetPart[] {
  const parts = items.map((): DatasetPart => 'train');
  for (let label = 0; label < labelCount; label++) {
    const own = [...items.keys()].filter((at) => items[at]!.label === label);
    const contents = [...new Set(own.map((at) => items[at]!.content))];
    const order = permutation(contents.length, `upload:0:${label}`);
    const held = Math.max(1, Math.round(contents.length * SHARE));
    const chosen = new Map<string, DatasetPart>();
    for (const [turn, part] of wanted.entries()) {
      for (const at of order.subarray(turn * held, (turn + 1) * held)) chosen.set(contents[at]!, part);
    }
    for (const at of own) parts[at] = chosen.get(items[at]!.content) ?? 'train';
  }
  return parts;
}

/** Adds whole groups to a part until it has its share and every label; undefined if a part lacks a label. */
function assignGroups(items: readonly SplitItem[], labelCount: number): DatasetPart[] | undefined {
  const names = [...new Set(items.map(({ group }) => group!))].sort();
  const members = new Map(names.map((name) => [name, items.filter(({ group }) => group === name)]));
  let left = [...permutation(names.length, 'upload:0:groups')].map((at) => names[at]!);
  const chosen = new Map<string, DatasetPart>();
  for (const part of ['test', 'validation'] as const) {
    const covered = new Set<number>();
    let count = 0;
    for (const name of left) {
      const own = members.get(name)!;
      const addsLabel = own.some(({ label }) => !covered.has(label));
      if (!addsLabel && count >= items.length * SHARE) continue;
      chosen.set(name, part);
      for (const { label } of own) covered.add(label);
      count += own.length;
      if (covered.size === labelCount && count >= items.length * SHARE) break;
    }
    if (covered.size < labelCount) return undefined;
    left = left.filter((name) => !chosen.has(name));
  }
  const trained = new Set(left.flatMap((name) => members.get(name)!.map(({ label }) => label)));
  return trained.size < labelCount ? undefined : items.map(({ group }) => chosen.get(group!) ?? 'train');
}

/** Keeps the parts of the upload and takes missing ones from its training images. */
function useGivenParts(
  items: readonly SplitItem[],
  labels: readonly string[],
): { parts: DatasetPart[]; warnings: string[] } {
  const warnings: string[] = [];
  const parts = items.map(({ part }) => part!);
  const missing = DATASET_PARTS.filter((part) => !parts.includes(part));
  if (missing.includes('train')) refuse('There are no training images. Put some into a folder `train`.');
  const training = items.filter(({ part }) => part === 'train');
  requireImages(training, labels, 1 + missing.length);
  if (missing.length > 0) {
    warnings.push(
      `The upload has no images for ${missing.join(' and ')}: a twelfth of the training images was taken for each.`,
    );
    const reassigned = assignByLabel(training, labels.length, missing);
    let next = 0;
    for (const [at, part] of parts.entries()) if (part === 'train') parts[at] = reassigned[next++]!;
  }
  for (const part of ['validation', 'test'] as const) {
    const present = new Set(items.filter((_, at) => parts[at] === part).map(({ label }) => label));
    const absent = labels.filter((_, label) => !present.has(label));
    if (absent.length > 0) warnings.push(`There are no ${part} images of ${abbreviate(absent, LISTED)}.`);
  }
  return { parts, warnings };
}
