import { createHash } from 'node:crypto';
import type { DrawnFont } from './folder.ts';

export type Part = 'train' | 'validation' | 'test';

/** Of the designs, for each of validation and test. */
const SHARE = 1 / 10;
/** A design for each part. */
export const LEAST_DESIGNS = 3;
/** Characters that two families must draw pixel by pixel alike to be one design; a bar may be alike by chance. */
const ALIKE = 1 / 10;

/** What belongs together: a family with all its weights and styles, and families that were made of it. */
export interface Design {
  families: string[];
  part: Part;
}

/**
 * To which part each font goes: all of a design to the same, so that a test font is one of which nothing was seen. The
 * designs with the smallest digests of their names are tested, the next are for validation: the same fonts are always
 * divided alike.
 *
 * @param labels characters a font
 * @returns the designs, and by family the part
 */
export function divideFonts(
  fonts: readonly Pick<DrawnFont, 'family' | 'images'>[],
  labels: number,
): { designs: Design[]; parts: Map<string, Part> } {
  const groups = groupsOf(fonts, labels).map((families) => ({ families, digest: digestOf(families[0]!) }));
  groups.sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const held = Math.max(1, Math.round(groups.length * SHARE));
  const partAt = (at: number): Part => (at < held ? 'test' : at < 2 * held ? 'validation' : 'train');
  const designs = groups.map(({ families }, at) => ({ families, part: partAt(at) }));
  return {
    designs,
    parts: new Map(designs.flatMap(({ families, part }) => families.map((family) => [family, part]))),
  };
}

/** Families that share drawings, in one group each, the first name in front. */
function groupsOf(fonts: readonly Pick<DrawnFont, 'family' | 'images'>[], labels: number): string[][] {
  const leader = new Map(fonts.map(({ family }) => [family, family]));
  const leaderOf = (family: string): string => {
    const above = leader.get(family)!;
    return above === family ? family : leaderOf(above);
  };
  for (const [a, b] of alikePairs(fonts, labels)) leader.set(leaderOf(a), leaderOf(b));
  const groups = new Map<string, string[]>();
  for (const family of [...leader.keys()].sort()) {
    const key = leaderOf(family);
    groups.set(key, [...(groups.get(key) ?? []), family]);
  }
  return [...groups.values()];
}

/** Pairs of families of which two fonts draw several characters alike. */
function alikePairs(
  fonts: readonly Pick<DrawnFont, 'family' | 'images'>[],
  labels: number,
): [string, string][] {
  const owners = new Map<string, number[]>();
  for (const [at, { images }] of fonts.entries()) {
    const size = images.length / labels;
    for (let label = 0; label < labels; label++) {
      const drawing = images.subarray(label * size, (label + 1) * size);
      const key = `${label} ${createHash('sha256').update(drawing).digest('base64')}`;
      const own = owners.get(key);
      if (own) own.push(at);
      else owners.set(key, [at]);
    }
  }
  const shared = new Map<string, number>();
  for (const own of owners.values()) {
    for (const [turn, a] of own.entries()) {
      for (const b of own.slice(turn + 1)) shared.set(`${a} ${b}`, (shared.get(`${a} ${b}`) ?? 0) + 1);
    }
  }
  return [...shared]
    .filter(([, count]) => count >= labels * ALIKE)
    .map(([pair]) => pair.split(' ').map((at) => fonts[Number(at)]!.family) as [string, string])
    .filter(([a, b]) => a !== b);
}

const digestOf = (family: string): string => createHash('sha256').update(family.toLowerCase()).digest('hex');
