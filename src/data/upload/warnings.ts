import type { DatasetPart } from '../../core/contracts/dataset.ts';
import { abbreviate } from '../abbreviate.ts';
import type { SplitItem } from './assign-parts.ts';

/** A label with fewer images is learned poorly. */
const FEW = 20;
/** Images of the largest label per image of the smallest from which labels are uneven. */
const UNEVEN = 10;
/** Pairs of images, and labels, that a warning lists. */
const PAIRS_LISTED = 3;
const LABELS_LISTED = 5;

interface SplitImages {
  items: readonly SplitItem[];
  /** The name of each item. */
  files: readonly string[];
  parts: readonly DatasetPart[];
  labels: readonly string[];
}

/** Warnings about images that were all accepted: duplicates, and labels with few images. */
export function warningsOf(images: SplitImages): string[] {
  return [...duplicateWarnings(images), ...countWarnings(images)];
}

function duplicateWarnings({ items, files, parts, labels }: SplitImages): string[] {
  const first = new Map<string, number>();
  const otherLabel: string[] = [];
  const otherPart: string[] = [];
  const copies: string[] = [];
  for (const [at, { content, label }] of items.entries()) {
    const before = first.get(content);
    if (before === undefined) {
      first.set(content, at);
      continue;
    }
    const pair = `${files[at]} and ${files[before]}`;
    const other = items[before]!.label;
    if (other !== label) otherLabel.push(`${pair} (${labels[label]} and ${labels[other]})`);
    else if (parts[before] !== parts[at]) otherPart.push(pair);
    else copies.push(pair);
  }
  const warnings: string[] = [];
  if (otherLabel.length > 0) {
    warnings.push(
      `Images that also have another label: ${listed(otherLabel)}. Either a label is wrong or the images do not show the difference, and a model will confuse these labels.`,
    );
  }
  if (otherPart.length > 0) {
    warnings.push(
      `Images that are also in another part of the given split: ${listed(otherPart)}. Test results will look better than they are.`,
    );
  }
  if (copies.length > 0) warnings.push(`Images that are exact copies of others: ${listed(copies)}.`);
  return warnings;
}

const listed = (pairs: readonly string[]): string => `${pairs.length} (${abbreviate(pairs, PAIRS_LISTED)})`;

function countWarnings({ items, labels }: SplitImages): string[] {
  const counts = labels.map(() => 0);
  for (const { label } of items) counts[label]!++;
  const warnings: string[] = [];
  const few = labels.flatMap((name, label) => (counts[label]! < FEW ? [`${name} (${counts[label]})`] : []));
  if (few.length > 0) {
    warnings.push(
      `Few images of ${abbreviate(few, LABELS_LISTED)}: a model will hardly vary them. Several hundred per label are better.`,
    );
  }
  const [most, least] = [Math.max(...counts), Math.min(...counts)];
  if (most >= UNEVEN * least) {
    const name = (count: number): string => labels[counts.indexOf(count)]!;
    warnings.push(`The labels are uneven: ${most} images of ${name(most)}, ${least} of ${name(least)}.`);
  }
  return warnings;
}
