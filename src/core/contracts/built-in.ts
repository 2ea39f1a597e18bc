/** Datasets that come with the program. Apart from dataset.ts, since the dashboard's bundle holds no schemas. */
export const BUILT_IN_DATASETS = ['mnist', 'fashion-mnist'] as const;

/** Whether a dataset came with the program; the others are the user's own. */
export const isBuiltIn = (id: string): boolean => (BUILT_IN_DATASETS as readonly string[]).includes(id);
