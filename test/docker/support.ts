import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { SettingsSchema } from '../../src/platform/settings/settings.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');
export const readYaml = (path: string): unknown => parse(read(path), { merge: true });
export const readDocuments = (path: string): unknown[] =>
  parseAllDocuments(read(path), { merge: true }).map((document) => {
    if (document.errors.length > 0) throw document.errors[0]!;
    return document.toJS();
  });

/** Variables that libraries of the service read. */
const OTHERS = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'NODE_ENV'];

/** The variables that nothing in the service reads. */
export const unknownSettings = (names: readonly string[]): string[] =>
  names.filter((name) => !(name in SettingsSchema.shape) && !OTHERS.includes(name));
