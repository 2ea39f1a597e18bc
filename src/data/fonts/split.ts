import { createHash } from 'node:crypto';
import type { DatasetPart } from '../../core/contracts/dataset.ts';
import type { DrawnFont } from './draw-fonts.ts';

/** Share of the designs in validation, and in test. */
const SHARE = 1 / 10;
/** One design for each part. */
export const LEAST_DESIGNS = 3;
/** Share of characters that two families draw identically when they are one design. A bar may be identical by chance. */
const IDENTICAL = 1 / 10;

/** Families that stay in one part: a family with all its weights and styles, and families derived from it. */
export interface Design {
  families: string[];
  part: DatasetPart;
}

type SplitFont = Pick<DrawnFont, 'family' | 'images'>;

/**
 * Assigns every font to a part. All fonts of a design go to the same part, so the model has seen nothing of a test font.
 * The order of designs is that of the digests of their names: the first are for test, the next for validation. The same
 * fonts are always split alike.
 *
 * @param labels characters per font
 * @returns the designs, and the part of each family
 */
export function splitFonts(
  fonts: readonly SplitFont[],
  labels: number,
): { designs: Design[]; parts: Map<string, DatasetPart> } {
  const groups = designsOf(fonts, labels).map((families) => ({ families, digest: digestOf(families[0]!) }));
  groups.sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const held = Math.max(1, Math.round(groups.length * SHARE));
  const partAt = (at: number): DatasetPart => (at < held ? 'test' : at < 2 * held ? 'validation' : 'train');
  const designs = groups.map(({ families }, at) => ({ families, part: partAt(at) }));
  return {
    designs,
    parts: new Map(designs.flatMap(({ families, part }) => families.map((family) => [family, part]))),
  };
}

/** Families that share drawings, one sorted group per design. */
function designsOf(fonts: readonly SplitFont[], labels: number): string[][] {
  // Disjoint sets: each family points at its parent, a root at itself.
  const parents = new Map(fonts.map(({ family }) => [family, family]));
  const rootOf = (family: string): string => {
    const parent = parents.get(family)!;
    return parent === family ? family : rootOf(parent);
  };
  for (const [a, b] of relatedFamilies(fonts, labels)) parents.set(rootOf(a), rootOf(b));
  const groups = new Map<string, string[]>();
  for (const family of [...parents.keys()].sort()) {
    const root = rootOf(family);
    groups.set(root, [...(groups.get(root) ?? []), family]);
  }
  return [...groups.values()];
}

/** Pairs of families with fonts that draw several characters identically. */
function relatedFamilies(fonts: readonly SplitFont[], labels: number): [string, string][] {
  const fontsByDrawing = new Map<string, number[]>();
  for (const [at, { images }] of fonts.entries()) {
    const size = images.length / labels;
    for (let label = 0; label < labels; label++) {
      const drawing = images.subarray(label * size, (label + 1) * size);
      const key = `${label} ${createHash('sha256').update(drawing).digest('base64')}`;
      const known = fontsByDrawing.get(key);
      if (known) known.push(at);
      else fontsByDrawing.set(key, [at]);
    }
  }
  const shared = new Map<string, number>();
  for (const same of fontsByDrawing.values()) {
    for (const [turn, a] of same.entries()) {
      for (const b of same.slice(turn + 1)) shared.set(`${a} ${b}`, (shared.get(`${a} ${b}`) ?? 0) + 1);
    }
  }
  return [...shared]
    .filter(([, count]) => count >= labels * IDENTICAL)
    .map(([pair]) => pair.split(' ').map((at) => fonts[Number(at)]!.family) as [string, string])
    .filter(([a, b]) => a !== b);
}

const digestOf = (family: string): string => createHash('sha256').update(family.toLowerCase()).digest('hex');
