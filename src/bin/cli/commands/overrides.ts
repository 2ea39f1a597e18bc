import { UsageProblem } from '../problems.ts';

/** Turns `a.b=value` pairs into a nested object. Values that are not JSON are text. */
export function parseOverrides(pairs: readonly string[]): Record<string, unknown> {
  const overrides: Record<string, unknown> = {};
  for (const pair of pairs) {
    const [, path, text] = /^([A-Za-z][\w.]*)=(.*)$/s.exec(pair) ?? [];
    if (path === undefined || text === undefined) {
      throw new UsageProblem(
        `--set ${pair}: must look like key=value, for instance learningRates.encoder=0.001`,
      );
    }
    const keys = path.split('.');
    const last = keys.pop()!;
    let group = overrides;
    for (const key of keys) {
      group[key] ??= {};
      group = group[key] as Record<string, unknown>;
    }
    group[last] = readValue(text);
  }
  return overrides;
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** All keys of a configuration, nested ones with dots. */
function keysOf(config: object, prefix = ''): string[] {
  return Object.entries(config).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? [`${prefix}${key}`, ...keysOf(value as object, `${prefix}${key}.`)]
      : [`${prefix}${key}`],
  );
}

/**
 * Checks overrides before they are sent.
 * @throws UsageProblem naming each wrong key, and the most similar one that exists
 */
export async function checkOverrides(overrides: Record<string, unknown>): Promise<void> {
  const [{ TrainingConfigOverrides }, { plainMessage }] = await Promise.all([
    import('../../../core/contracts/config.ts'),
    import('../../../core/validation-messages.ts'),
  ]);
  const parsed = TrainingConfigOverrides.safeParse(overrides, { error: plainMessage });
  if (parsed.success) return;
  const { PRESETS } = await import('../../../core/contracts/presets.ts');
  const known = keysOf(PRESETS.quick.config);
  const problems = parsed.error.issues.flatMap((issue) => {
    const path = issue.path.join('.');
    if (issue.code !== 'unrecognized_keys') return [`--set ${path}: ${issue.message}`];
    return issue.keys.map((key) => {
      const full = path === '' ? key : `${path}.${key}`;
      return `--set ${full}: no such key; did you mean ${nearest(full, known)}? "stylograph presets quick" lists them all`;
    });
  });
  throw new UsageProblem(problems.join('\n'));
}

function nearest(wanted: string, known: readonly string[]): string {
  const ranked = known.map((key) => ({
    key,
    distance: editDistance(wanted.toLowerCase(), key.toLowerCase()),
  }));
  return ranked.reduce((best, each) => (each.distance < best.distance ? each : best)).key;
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
