import { LABELS } from '../../core/contracts/dataset.ts';
import type { Raster } from '../images/index.ts';
import { badLabel, inLabelOrder, type Part, type Picture, type Pictures } from './pictures.ts';
import { refuse } from './refusals.ts';

/** Images of one size in a row, and what each shows. */
export interface ImageArray {
  /** What a message calls it. */
  name: string;
  part: Part | undefined;
  width: number;
  height: number;
  channels: 1 | 3;
  /** count × height × width × channels bytes. */
  pixels: Uint8Array;
  /** A label's name or number, one an image. */
  answers: readonly (string | number)[];
}

/**
 * Arrays as pictures. Numbers are labels by themselves, or positions in `names`.
 * @throws invalid_dataset
 */
export function fromArrays(arrays: readonly ImageArray[], names: readonly string[] | undefined): Pictures {
  const hasParts = arrays.length > 1;
  const items: Picture[] = [];
  for (const array of arrays) {
    const { width, height, channels, pixels, answers } = array;
    const size = width * height * channels;
    if (pixels.length !== answers.length * size) {
      refuse(
        `${array.name} holds ${pixels.length / size} images and ${answers.length} labels; both must be as many.`,
      );
    }
    for (const [at, answer] of answers.entries()) {
      const image: Raster = { width, height, channels, pixels: pixels.subarray(at * size, (at + 1) * size) };
      items.push({
        file: `${array.name}[${at}]`,
        label: labelOf(answer, names, array.name),
        part: hasParts ? array.part : undefined,
        group: undefined,
        load: async () => image,
      });
    }
  }
  const seen = inLabelOrder(items.map(({ label }) => label));
  return { items, labels: names ? namedOrder(names, seen) : seen, warnings: [], close: () => undefined };
}

function labelOf(answer: string | number, names: readonly string[] | undefined, array: string): string {
  if (typeof answer === 'string') {
    const why = badLabel(answer);
    return why === undefined ? answer : refuse(`${array}: ${JSON.stringify(answer.slice(0, 80))} ${why}.`);
  }
  if (names === undefined) return String(answer);
  return (
    names[answer] ??
    refuse(
      `${array} has the label ${answer}, and \`labels\` names ${names.length} (0 to ${names.length - 1}).`,
    )
  );
}

/** Given names keep their order; each must be used. */
function namedOrder(names: readonly string[], seen: readonly string[]): string[] {
  const unique = new Set(names);
  if (unique.size !== names.length) refuse('`labels` names one label twice; every name must be another.');
  const bad = names.find((name) => badLabel(name) !== undefined);
  if (bad !== undefined) refuse(`\`labels\`: ${JSON.stringify(bad.slice(0, 80))} ${badLabel(bad)}.`);
  const idle = names.filter((name) => !seen.includes(name));
  if (idle.length > 0)
    refuse(`\`labels\` names ${idle.slice(0, 5).join(', ')}, of which there are no images.`);
  return [...names];
}

/** Whole, not negative numbers, few enough to be labels. @throws invalid_dataset */
export function wholeLabels(values: ArrayLike<number>, name: string): number[] {
  const labels = Array.from(values);
  const bad = labels.find((value) => !Number.isSafeInteger(value) || value < 0);
  if (bad !== undefined) refuse(`${name} holds ${bad}; labels are whole numbers from 0, or text.`);
  const kinds = new Set(labels).size;
  if (kinds > LABELS.most)
    refuse(`${name} holds ${kinds} different labels; at most ${LABELS.most} are taken.`);
  return labels;
}
