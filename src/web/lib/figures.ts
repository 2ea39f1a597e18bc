import { PICTURE_KINDS } from '../../core/presentation/labels.ts';

/** Key of a figure that shows all labels. */
export const ALL = 'all';

/** Files of final figures by kind, then by label index or `all`. A name is `{kind}[-{label}][@2x].{extension}`. */
export type FigureSet = Map<string, Map<string, string>>;

const positionOf = (kind: string): number => {
  const at = PICTURE_KINDS.indexOf(kind);
  return at < 0 ? PICTURE_KINDS.length : at;
};

/** Sorts files by kind and label, and prefers vector graphics. Copies for dense screens are left out. */
export function sortFigures(files: readonly string[]): FigureSet {
  const found: FigureSet = new Map();
  for (const file of files) {
    const [, kind, label = ALL, extension] =
      /^([a-z]+(?:-[a-z]+)*?)(?:-(\d{1,3}))?\.(png|svg)$/.exec(file) ?? [];
    if (kind === undefined) continue;
    const labels = found.get(kind) ?? new Map<string, string>();
    if (extension === 'svg' || !labels.has(label)) labels.set(label, file);
    found.set(kind, labels);
  }
  return new Map([...found].sort(([a], [b]) => positionOf(a) - positionOf(b)));
}
