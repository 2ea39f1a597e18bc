import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveConfig } from '../../src/core/contracts/presets.ts';
import { loadDataset } from '../../src/data/datasets.ts';
import { Trainer } from '../../src/training/trainer.ts';

/** Iterations before anything is measured. */
export const WARM_UP = 3;

/** A trainer of the preset `article` (batch 64, latent 8) on MNIST, warmed up. */
export async function articleTrainer(): Promise<Trainer> {
  const folder = mkdtempSync(join(tmpdir(), 'stylograph-bench-'));
  try {
    const dataset = await loadDataset('mnist', folder);
    const trainer = new Trainer({ config: resolveConfig('article'), dataset, seed: 1 });
    for (let i = 0; i < WARM_UP; i++) await trainer.iterate(goOn);
    return trainer;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const goOn = async (): Promise<boolean> => true;
