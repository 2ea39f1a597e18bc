import { type DatasetPart, LABELS } from '../../core/contracts/dataset.ts';
import { abbreviate } from '../abbreviate.ts';
import type { Raster } from '../images/raster.ts';
import { labelProblem, type Picture, type Pictures, sortLabels } from './pictures.ts';
import { refuse } from './refusals.ts';

/** Images of one size and their labels. */
export interface ImageArray {
  /** Its name in messages. */
  name: string;
  part: DatasetPart | undefined;
  width: number;
  height: number;
  channels: 1 | 3;
  /** count × height × width × channels bytes. */
  pixels: Uint8Array;
  /** A name or number per image. */
  labels: readonly (string | number)[];
}

/**
 * Turns arrays into pictures. A numeric label is its own name, or an index into `names`.
 * @throws invalid_dataset
 */
export function picturesFromArrays(
  arrays: readonly ImageArray[],
  names: readonly string[] | undefined,
): Pictures {
  const hasParts = arrays.length > 1;
  const items: Picture[] = [];
  for (const { name, part, width, height, channels, pixels, labels } of arrays) {
    const size = width * height * channels;
    if (pixels.length !== labels.length * size) {
      refuse(
        `${name} has ${pixels.length / size} images and ${labels.length} labels. Send one label per image.`,
      );
    }
    for (const [at, label] of labels.entries()) {
      const image: Raster = { width, height, channels, pixels: pixels.subarray(at * size, (at + 1) * size) };
      items.push({
        file: `${name}[${at}]`,
        label: labelName(label, names, name),
        part: hasParts ? part : undefined,
        group: undefined,
        load: async () => image,
      });
    }
  }
  const used = sortLabels(items.map(({ label }) => label));
  return { items, labels: names ? checkNames(names, used) : used, warnings: [], close: () => undefined };
}

function labelName(label: string | number, names: readonly string[] | undefined, array: string): string {
  if (typeof label === 'string') {
    const problem = labelProblem(label);
    return problem === undefined ? label : refuse(`${array}: ${quoted(label)} ${problem}.`);
  }
  if (names === undefined) return String(label);
  return (
    names[label] ??
    refuse(
      `${array} contains the label ${label}, but \`labels\` names only ${names.length} (0 to ${names.length - 1}). Name all labels.`,
    )
  );
}

/** Given names keep their order; each must be distinct and used. */
function checkNames(names: readonly string[], used: readonly string[]): string[] {
  if (new Set(names).size !== names.length)
    refuse('`labels` contains a name twice. Give every label its own name.');
  const bad = names.find((name) => labelProblem(name) !== undefined);
  if (bad !== undefined) refuse(`\`labels\`: ${quoted(bad)} ${labelProblem(bad)}.`);
  const unused = names.filter((name) => !used.includes(name));
  if (unused.length > 0) {
    refuse(`\`labels\` names labels without images: ${abbreviate(unused, 5)}. Remove them.`);
  }
  return [...names];
}

const quoted = (name: string): string => JSON.stringify(name.slice(0, 80));

/** Checks that numbers are integers from 0 with few distinct values. @throws invalid_dataset */
export function integerLabels(values: ArrayLike<number>, name: string): number[] {
  const labels = Array.from(values);
  const bad = labels.find((value) => !Number.isSafeInteger(value) || value < 0);
  if (bad !== undefined)
    refuse(`${name} contains the label ${bad}. Labels must be integers from 0, or strings.`);
  const count = new Set(labels).size;
  if (count > LABELS.most)
    refuse(`${name} contains ${count} different labels. At most ${LABELS.most} are accepted.`);
  return labels;
}
