import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  AuditLog,
  createKey,
  KeyName,
  type KeyRecord,
  keyState,
  readKeysFile,
  revokeKey,
  SCOPES,
  type Scope,
} from '../../../platform/keys/index.ts';
import { withOutput } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import type { Execute } from '../session.ts';
import { moment } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';

interface KeysOptions extends OutputOptions {
  data?: string;
  file?: string;
}

const DAY_MS = 86_400_000;

const folderOf = ({ data }: KeysOptions): string => data ?? (process.env.DATA_DIR || './data');

const fileOf = (options: KeysOptions): string =>
  resolve(
    options.file ??
      (options.data === undefined ? process.env.KEYS_FILE : undefined) ??
      join(folderOf(options), 'keys.json'),
  );

const auditOf = (options: KeysOptions): AuditLog =>
  new AuditLog(resolve(process.env.AUDIT_LOG || join(folderOf(options), 'audit.jsonl')));

function withKeysFile(command: Command): Command {
  return withOutput(
    command
      .addOption(new Option('--data <dir>', "a server's data folder").helpGroup('Where:'))
      .addOption(new Option('--file <path>', 'another file of keys (or KEYS_FILE)').helpGroup('Where:')),
  );
}

function scopes(text: string): Scope[] {
  const names = text.split(/[,+]/).map((name) => name.trim());
  const unknown = names.filter((name) => !(SCOPES as readonly string[]).includes(name));
  if (unknown.length === 0) return names as Scope[];
  throw new InvalidArgumentError(`It must be a comma-separated list of ${SCOPES.join(', ')}.`);
}

function keyName(text: string): string {
  if (KeyName.safeParse(text).success) return text;
  throw new InvalidArgumentError('It must be 1 to 64 letters, digits, spaces and ._@-');
}

/** Parses a date, or a number of days from now. */
function expiry(text: string): Date {
  const [, days] = /^(\d{1,5})d$/.exec(text) ?? [];
  const at = days === undefined ? new Date(text) : new Date(Date.now() + Number(days) * DAY_MS);
  if (Number.isFinite(at.getTime()) && at.getTime() > Date.now()) return at;
  throw new InvalidArgumentError(
    'It must be a number of days such as 90d, or a future date such as 2030-01-31.',
  );
}

/** A key for output, without its digest. */
const shown = ({ sha256: _, ...record }: KeyRecord) => ({ ...record, state: keyState(record) });

export function addKeys(program: Command, execute: Execute): void {
  const keys = program
    .command('keys')
    .description(
      'Create, list and revoke API keys. They are in a file of the server, which notices changes.',
    );

  withKeysFile(keys.command('create <name>'))
    .description('Create a key and print it once. Only its digest is stored.')
    .option('-s, --scopes <list>', 'comma-separated list of infer, train, admin', scopes, ['infer'])
    .option('-e, --expires <when>', 'days such as 90d, or a date; default: never', expiry)
    .action((name: string, options: KeysOptions & { scopes: Scope[]; expires?: Date }) =>
      execute(options, async ({ output }) => {
        const file = fileOf(options);
        const request = { name: keyName(name), scopes: options.scopes, expiresAt: options.expires };
        const { key, record } = await createKey(file, request);
        await appendToAudit(options, 'keys.create', record);
        output.document({ key, ...shown(record) });
        output.notice(
          `Key ${record.id} (${record.name}: ${record.scopes.join(', ')}) is in ${file}. The key is shown only once:`,
        );
        output.line(key);
      }),
    );
  withKeysFile(keys.command('list', { isDefault: true }))
    .description('List keys with their scopes and states.')
    .action((options: KeysOptions) =>
      execute(options, async ({ output }) => {
        const records = readKeysFile(fileOf(options));
        output.document({ items: records.map(shown) });
        if (records.length === 0) output.line(`No keys in ${fileOf(options)}.`);
        else for (const line of describe(records, output.paint.dim)) output.line(line);
      }),
    );
  withKeysFile(keys.command('revoke <id>'))
    .description('Revoke a key. Servers notice within a second.')
    .action((id: string, options: KeysOptions) =>
      execute(options, async ({ output }) => {
        const record = await revokeKey(fileOf(options), id);
        await appendToAudit(options, 'keys.revoke', record);
        output.document(shown(record));
        output.line(`${output.paint.green('revoked')} ${record.id} (${record.name})`);
      }),
    );
}

async function appendToAudit(options: KeysOptions, action: string, { id, name }: KeyRecord): Promise<void> {
  const audit = auditOf(options);
  audit.add({ action, key: null, from: 'cli', outcome: 'done', subject: `${id} (${name})` });
  await audit.flush();
}

function describe(records: readonly KeyRecord[], title: (text: string) => string): string[] {
  return table(
    records,
    [
      { title: 'ID', value: ({ id }) => id },
      { title: 'NAME', value: ({ name }) => name },
      { title: 'SCOPES', value: ({ scopes: held }) => held.join(', ') },
      { title: 'STATE', value: (record) => keyState(record) },
      { title: 'CREATED', value: ({ createdAt }) => moment(createdAt) },
      { title: 'EXPIRES', value: ({ expiresAt }) => (expiresAt === null ? 'never' : moment(expiresAt)) },
    ],
    title,
  );
}
