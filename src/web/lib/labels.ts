import { client } from './client.ts';
import { useLoad } from './hooks.ts';

/** The name of a label by its index; the index itself while the dataset is not loaded or if it was deleted. */
export function useLabelNames(dataset: string): (label: number | string) => string {
  const { data } = useLoad((signal) => client.datasets.get(dataset, { signal }), [dataset]);
  return (label) => data?.labels[Number(label)]?.name ?? String(label);
}
