import type { Run, RunRecord } from '../../core/contracts/run.ts';

/** A run as clients see it, with the addresses of its resources. */
export function withLinks(record: RunRecord): Run {
  const self = `/runs/${record.id}`;
  return {
    ...record,
    links: {
      self,
      events: `${self}/events`,
      metrics: `${self}/metrics`,
      checkpoints: `${self}/checkpoints`,
      figures: `${self}/figures`,
      films: `${self}/films`,
      report: `${self}/report`,
      ...(record.modelId === undefined ? {} : { model: `/models/${record.modelId}` }),
    },
  };
}
