import { createInterface } from 'node:readline';
import { articleTrainer, goOn } from './article.ts';

/** Our side of bench/train.ts, with the protocol of bench/peers/train_keras.py. */
const trainer = await articleTrainer();
process.stdout.write(`${JSON.stringify({ ready: true, versions: { node: process.versions.node } })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const { iterations } = JSON.parse(line) as { iterations: number };
  const milliseconds: number[] = [];
  let losses: Record<string, number> | undefined;
  for (let i = 0; i < iterations; i++) {
    const start = performance.now();
    losses = await trainer.iterate(goOn);
    milliseconds.push(performance.now() - start);
  }
  process.stdout.write(`${JSON.stringify({ milliseconds, losses })}\n`);
}
