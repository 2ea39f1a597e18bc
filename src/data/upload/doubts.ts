import type { Unit } from './divide.ts';
import type { Part } from './pictures.ts';
import { some } from './refusals.ts';

/** Images of a label below which little can be learned of it. */
const FEW = 20;
/** The largest label against the smallest, from which it is told. */
const UNEVEN = 10;
const PAIRS_NAMED = 3;

/** What is doubtful about images that were all taken. `files` names each of `units`. */
export function doubts(
  units: readonly Unit[],
  files: readonly string[],
  labels: readonly string[],
  parts: readonly Part[],
): string[] {
  return [...duplicates(units, files, labels, parts), ...counts(units, labels)];
}

function duplicates(
  units: readonly Unit[],
  files: readonly string[],
  labels: readonly string[],
  parts: readonly Part[],
): string[] {
  const first = new Map<string, number>();
  const [same, crossing, leaking]: string[][] = [[], [], []];
  for (const [at, { content, label }] of units.entries()) {
    const before = first.get(content);
    if (before === undefined) {
      first.set(content, at);
      continue;
    }
    const pair = `${files[at]} and ${files[before]}`;
    const other = units[before]!.label;
    if (other !== label) crossing!.push(`${pair} (${labels[label]} and ${labels[other]})`);
    else if (parts[before] !== parts[at]) leaking!.push(pair);
    else same!.push(pair);
  }
  const told: string[] = [];
  if (crossing!.length > 0) {
    told.push(
      `${crossing!.length} images are there under another label too: ${some(crossing!, PAIRS_NAMED)}. Either a label is wrong, or nothing in the picture tells the two apart, and a model will confuse them.`,
    );
  }
  if (leaking!.length > 0) {
    told.push(
      `${leaking!.length} images are the same as one in another part of the given split: ${some(leaking!, PAIRS_NAMED)}. Tests will look better than they are.`,
    );
  }
  if (same!.length > 0)
    told.push(`${same!.length} images are exact copies of others: ${some(same!, PAIRS_NAMED)}.`);
  return told;
}

function counts(units: readonly Unit[], labels: readonly string[]): string[] {
  const byLabel = labels.map(() => 0);
  for (const { label } of units) byLabel[label]!++;
  const told: string[] = [];
  const few = labels
    .filter((_, label) => byLabel[label]! < FEW)
    .map((name) => `${name} (${byLabel[labels.indexOf(name)]})`);
  if (few.length > 0)
    told.push(`Few images of ${some(few, 5)}; a model will hardly vary them. Some hundreds are better.`);
  const [most, least] = [Math.max(...byLabel), Math.min(...byLabel)];
  if (most >= UNEVEN * least) {
    const name = (count: number): string => labels[byLabel.indexOf(count)]!;
    told.push(`The labels are uneven: ${most} images of ${name(most)}, ${least} of ${name(least)}.`);
  }
  return told;
}
