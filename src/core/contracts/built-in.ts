/** Ids of the built-in datasets. They are not in dataset.ts because the dashboard's bundle contains no schemas. */
export const BUILT_IN_DATASETS = ['mnist', 'fashion-mnist'] as const;
export type BuiltInId = (typeof BUILT_IN_DATASETS)[number];

/** The other datasets were uploaded by users. */
export const isBuiltIn = (id: string): id is BuiltInId =>
  (BUILT_IN_DATASETS as readonly string[]).includes(id);
