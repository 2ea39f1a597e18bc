import type { ScaleOptions } from '../../../data/images/scale-for-terminal.ts';

export type SheetPart = NonNullable<ScaleOptions['part']>;

/** Sizes in a sheet of labels as src/figures draws it during training, in pixels. */
const MARGIN = 12;
const COLUMN_NAMES = 20;
const GAP = 2;
/** With more columns, the row of images is folded to two rows. */
const MOST_COLUMNS = 5;
/** Height of the shown rows if each label has a row, as a share of the sheet's width. */
const ROWS_SHARE = 0.3;

/**
 * The part of a sheet of labels that a terminal shows. If each label has a column, it is the first row of images, without
 * names; if each label has a row, it is the first rows.
 *
 * @param sheet size of the sheet in pixels
 * @param labels number of labels of the dataset
 */
export function shownPart(sheet: { width: number; height: number }, labels: number): SheetPart {
  const { width, height } = sheet;
  const columnStep = (width - 2 * MARGIN + GAP) / labels;
  const rows = (height - 2 * MARGIN - COLUMN_NAMES + GAP) / columnStep;
  if (Number.isInteger(columnStep) && Number.isInteger(rows)) {
    return {
      left: MARGIN / width,
      top: (MARGIN + COLUMN_NAMES) / width,
      width: (width - 2 * MARGIN) / width,
      height: (columnStep - GAP) / width,
      folded: labels > MOST_COLUMNS && labels % 2 === 0,
    };
  }
  const rowStep = (height - 2 * MARGIN + GAP) / labels;
  const shown = Math.min(labels, Math.max(1, Math.floor((ROWS_SHARE * width) / rowStep)));
  return {
    left: 0,
    top: MARGIN / width,
    width: 1,
    height: (shown * rowStep - GAP) / width,
    folded: false,
  };
}
