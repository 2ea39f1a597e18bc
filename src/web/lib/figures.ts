/** Kinds of final figures, the most telling first. */
export const ORDER = ['labels', 'style-transfer', 'manifold', 'reconstructions', 'scatter', 'losses'];
/** In place of a label: the figure shows them all. */
export const ALL = 'all';

/** Final figures by kind, then by the one label they show or `all`; `{kind}[-{label}][@2x].{extension}`. */
export type FigureSet = Map<string, Map<string, string>>;

const place = (kind: string): number => {
  const at = ORDER.indexOf(kind);
  return at < 0 ? ORDER.length : at;
};

/** Of a figure in several forms the vector one is taken, and no denser copies. */
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
  return new Map([...found].sort(([a], [b]) => place(a) - place(b)));
}
