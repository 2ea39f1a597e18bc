import { readFileSync, writeFileSync } from 'node:fs';
import { SettingsSchema } from '../src/platform/settings/settings.ts';

/** Writes the README's table of settings from the schema in src/platform/settings/settings.ts, between its two markers. */
const README = new URL('../README.md', import.meta.url);
const [BEGIN, END] = ['<!-- settings:begin -->', '<!-- settings:end -->'];

const rows = Object.entries(SettingsSchema.shape).map(([name, schema]) => {
  const standard = schema.safeParse(undefined);
  // Some depend on the machine, or on where this runs.
  const told: Record<string, string> = { DATA_DIR: './data', RUN_MEMORY_MIB: '' };
  const given = told[name] ?? (standard.success ? standard.data : undefined);
  const shown =
    given === undefined || String(given) === ''
      ? ''
      : `\`${typeof given === 'boolean' ? Number(given) : given}\``;
  if (schema.description === undefined) throw new Error(`${name} has no description`);
  return `| \`${name}\` | ${shown} | ${schema.description} |`;
});
const table = ['| variable | default | meaning |', '|---|---|---|', ...rows].join('\n');

const text = readFileSync(README, 'utf8');
const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
if (start < 0 || end < start) throw new Error(`README.md has lost its markers ${BEGIN} and ${END}`);
writeFileSync(README, `${text.slice(0, start + BEGIN.length)}\n${table}\n${text.slice(end)}`);
