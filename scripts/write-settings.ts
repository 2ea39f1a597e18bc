import { readFileSync, writeFileSync } from 'node:fs';
import { SettingsSchema } from '../src/config.ts';

/** Writes the README's table of settings from the schema in src/config.ts, between its two markers. */
const README = new URL('../README.md', import.meta.url);
const [BEGIN, END] = ['<!-- settings:begin -->', '<!-- settings:end -->'];

const rows = Object.entries(SettingsSchema.shape).map(([name, schema]) => {
  const standard = schema.safeParse(undefined);
  const given = { DATA_DIR: './data', API_KEYS: '' }[name] ?? (standard.success ? standard.data : undefined);
  const shown =
    given === undefined || given === '' ? '' : `\`${typeof given === 'boolean' ? Number(given) : given}\``;
  return `| \`${name}\` | ${shown} | ${schema.description ?? ''} |`;
});
const table = ['| variable | default | meaning |', '|---|---|---|', ...rows].join('\n');

const text = readFileSync(README, 'utf8');
const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
if (start < 0 || end < start) throw new Error(`README.md has lost its markers ${BEGIN} and ${END}`);
writeFileSync(README, `${text.slice(0, start + BEGIN.length)}\n${table}\n${text.slice(end)}`);
