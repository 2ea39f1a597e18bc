import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ChaosReport, chaos } from './chaos/chaos.ts';
import { DISTURBANCES } from './chaos/disturbances.ts';
import { prepare } from './prepare.mjs';

/**
 * npm run chaos -- [--minutes 10] [--seed 1] [--iterations 120] [--away 60] [--only NAME,NAME] [--json FILE] [--keep]
 *
 * Starts a Redis, an API and two workers, and trains one run undisturbed. Then it repeats the run while these processes are
 * killed, frozen and stopped at random, and compares the results. Exit code 0 only if nothing was lost.
 * docs/recovery.md describes the disturbances and checks.
 */
const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    iterations: { type: 'string', default: '120' },
    away: { type: 'string', default: '60' },
    only: { type: 'string' },
    json: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});

function print(report: ChaosReport): void {
  console.log(`\nSeed ${report.seed}, ${report.minutes.toFixed(1)} minutes.\n`);
  for (const [name, { tried, done }] of Object.entries(report.disturbances)) {
    console.log(
      `  ${name.padEnd(22)} ${String(done).padStart(3)} times${tried > done ? `, ${tried - done} times with nothing to disturb` : ''}`,
    );
  }
  const { pictures, refused, unanswered } = report.requests;
  console.log(
    `\nImages: ${pictures} generated, ${refused} requests refused with Retry-After, ${unanswered} not answered while the API was down.`,
  );
  for (const { id, deaths, agrees } of report.runs) {
    console.log(
      `Run ${id}: restarted ${deaths} times, ${agrees ? 'equal to the undisturbed run in every number' : 'DIFFERENT from the undisturbed run'}.`,
    );
  }
  console.log(
    `Weights: ${report.reference} undisturbed, ${report.runs.every(({ digest }) => digest === report.reference) ? 'the same' : 'NOT the same'} in all ${report.runs.length} disturbed runs.`,
  );
  console.log(
    report.lost.length === 0
      ? 'Lost: nothing.'
      : `Lost:\n${report.lost.map((loss) => `  - ${loss}`).join('\n')}`,
  );
}

const only = options.only?.split(',').map((name) => name.trim());
const unknown = only?.filter((name) => !(name in DISTURBANCES)) ?? [];
if (unknown.length > 0) {
  console.error(
    `Unknown disturbance: ${unknown.join(', ')}. Choose from ${Object.keys(DISTURBANCES).join(', ')}.`,
  );
  process.exit(2);
}
await prepare();
const folder = mkdtempSync(join(tmpdir(), 'stylograph-chaos-'));
const report = await chaos({
  folder,
  minutes: Number(options.minutes),
  seed: options.seed,
  iterations: Number(options.iterations),
  longestAway: Number(options.away),
  only,
  say: (text) => console.error(text),
});
print(report);
if (options.json) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
const isSound = report.lost.length === 0 && report.runs.length > 0;
if (options.keep || !isSound) console.log(`All files are in ${folder}, logs in ${join(folder, 'logs')}.`);
else rmSync(folder, { recursive: true, force: true });
process.exit(isSound ? 0 : 1);
