import { permutation } from '../random.ts';
import { PARTS, type Part } from './pictures.ts';
import { refuse, some } from './refusals.ts';

/** What decides the part of the split that an image goes to. */
export interface Unit {
  /** Position of its label. */
  label: number;
  /** The same for images that are the same. */
  content: string;
  part: Part | undefined;
  group: string | undefined;
}

/** Of what is not given: as of MNIST's training images. */
const SHARE = 1 / 12;
/** An image of a label for each part of the split. */
const LEAST_OF_LABEL = 3;

/**
 * Gives every image its part: as the upload says, else groups whole, else each label in its own shares; always the same
 * for the same images. Equal images of a label stay together, so that nothing is tested that was trained on.
 *
 * @throws invalid_dataset when a label has too few different images
 */
export function divide(units: readonly Unit[], labels: readonly string[], warnings: string[]): Part[] {
  if (units.every(({ part }) => part !== undefined)) return asGiven(units, labels, warnings);
  requireEnough(units, labels, LEAST_OF_LABEL);
  const groups = new Set(units.map(({ group }) => group));
  if (groups.size > LEAST_OF_LABEL && !groups.has(undefined)) {
    const parts = byGroup(units, labels.length);
    if (parts !== undefined) return parts;
    warnings.push(
      'The groups (folders within those of labels) could not be kept apart with every label in every part: the split is by image.',
    );
  }
  return byLabel(units, labels.length, ['test', 'validation']);
}

function requireEnough(units: readonly Unit[], labels: readonly string[], least: number): void {
  const different = labels.map(() => new Set<string>());
  for (const { label, content } of units) different[label]!.add(content);
  const poor = labels.filter((_, label) => different[label]!.size < least);
  if (poor.length > 0) {
    refuse(
      `Too few different images of ${some(poor, 5)}: every label needs at least ${least}, to train, to check and to test. Add some or leave the label out.`,
    );
  }
}

/** Each label in its own shares; what is left is to train on. */
function byLabel(units: readonly Unit[], labelCount: number, wanted: readonly Part[]): Part[] {
  const parts = units.map((): Part => 'train');
  for (let label = 0; label < labelCount; label++) {
    const own = [...units.keys()].filter((at) => units[at]!.label === label);
    const contents = [...new Set(own.map((at) => units[at]!.content))];
    const order = permutation(contents.length, `upload:0:${label}`);
    const held = Math.max(1, Math.round(contents.length * SHARE));
    const chosen = new Map<string, Part>();
    for (const [turn, part] of wanted.entries()) {
      for (const at of order.subarray(turn * held, (turn + 1) * held)) chosen.set(contents[at]!, part);
    }
    for (const at of own) parts[at] = chosen.get(units[at]!.content) ?? 'train';
  }
  return parts;
}

/** Whole groups, until a part has its share and every label; undefined when no label would be left to train on. */
function byGroup(units: readonly Unit[], labelCount: number): Part[] | undefined {
  const names = [...new Set(units.map(({ group }) => group!))].sort();
  const members = new Map(names.map((name) => [name, units.filter(({ group }) => group === name)]));
  let left = [...permutation(names.length, 'upload:0:groups')].map((at) => names[at]!);
  const chosen = new Map<string, Part>();
  for (const part of ['test', 'validation'] as const) {
    const covered = new Set<number>();
    let count = 0;
    for (const name of left) {
      const own = members.get(name)!;
      const isNew = own.some(({ label }) => !covered.has(label));
      if (!isNew && count >= units.length * SHARE) continue;
      chosen.set(name, part);
      for (const { label } of own) covered.add(label);
      count += own.length;
      if (covered.size === labelCount && count >= units.length * SHARE) break;
    }
    if (covered.size < labelCount) return undefined;
    left = left.filter((name) => !chosen.has(name));
  }
  const trained = new Set(left.flatMap((name) => members.get(name)!.map(({ label }) => label)));
  return trained.size < labelCount ? undefined : units.map(({ group }) => chosen.get(group!) ?? 'train');
}

function asGiven(units: readonly Unit[], labels: readonly string[], warnings: string[]): Part[] {
  const given = units.map(({ part }) => part!);
  const missing = PARTS.filter((part) => !given.includes(part));
  if (missing.includes('train')) refuse('There are no images to train on; put some into a folder `train`.');
  const training = units.filter(({ part }) => part === 'train');
  requireEnough(training, labels, 1 + missing.length);
  if (missing.length > 0) {
    warnings.push(
      `The upload has no images for ${missing.join(' and ')}: a twelfth each was taken from those to train on.`,
    );
    const parts = byLabel(training, labels.length, missing);
    let next = 0;
    for (const [at, part] of given.entries()) if (part === 'train') given[at] = parts[next++]!;
  }
  for (const part of ['validation', 'test'] as const) {
    const there = new Set(units.filter((_, at) => given[at] === part).map(({ label }) => label));
    const absent = labels.filter((_, label) => !there.has(label));
    if (absent.length > 0) warnings.push(`There are no ${part} images of ${some(absent, 5)}.`);
  }
  return given;
}
