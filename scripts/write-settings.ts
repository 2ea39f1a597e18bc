import { readFileSync, writeFileSync } from 'node:fs';
import type { z } from 'zod';
import { SETTING_GROUPS } from '../src/platform/settings/settings.ts';

/* Writes the tables of docs/settings.md, between its two markers, from the schema in src/platform/settings. */

const PAGE = new URL('../docs/settings.md', import.meta.url);
const [BEGIN, END] = ['<!-- settings:begin -->', '<!-- settings:end -->'];

/** Defaults that depend on the machine or the working folder. */
const STATED_DEFAULTS: Record<string, string> = { DATA_DIR: './data', RUN_MEMORY_MIB: '' };

function rowOf([name, schema]: [string, z.ZodType]): string {
  if (schema.description === undefined) throw new Error(`${name} has no description`);
  const parsed = schema.safeParse(undefined);
  const value = STATED_DEFAULTS[name] ?? (parsed.success ? parsed.data : undefined);
  const text = typeof value === 'boolean' ? String(Number(value)) : String(value ?? '');
  return `| \`${name}\` | ${text === '' ? '' : `\`${text}\``} | ${schema.description} |`;
}

const sections = Object.entries(SETTING_GROUPS).map(([title, settings]) =>
  [
    `## ${title}`,
    '',
    '| variable | default | meaning |',
    '|---|---|---|',
    ...Object.entries(settings).map(rowOf),
  ].join('\n'),
);

const page = readFileSync(PAGE, 'utf8');
const [start, end] = [page.indexOf(BEGIN), page.indexOf(END)];
if (start < 0 || end < start) throw new Error(`docs/settings.md lacks its markers ${BEGIN} and ${END}`);
writeFileSync(PAGE, `${page.slice(0, start + BEGIN.length)}\n${sections.join('\n\n')}\n${page.slice(end)}`);
