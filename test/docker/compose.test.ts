import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseEnv } from 'node:util';
import { findDeployTools } from '../../scripts/setup/deploy-tools.mjs';
import { loadSettings } from '../../src/platform/settings/settings.ts';
import { parseS3Location } from '../../src/store/s3/location.ts';
import { ROOT, read, readYaml, unknownSettings } from './support.ts';

interface Service {
  image: string;
  profiles?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: (string | { source: string })[];
  networks: string[];
  build?: { args: { ENGINE: string }; dockerfile: string };
  read_only?: boolean;
  cap_drop?: string[];
  stop_grace_period?: string;
  command?: string[];
}
const { services, volumes, networks } = readYaml('docker-compose.yml') as {
  services: Record<string, Service>;
  volumes: Record<string, null>;
  networks: Record<string, { internal?: boolean } | null>;
};
const OURS = Object.entries(services).filter(([, { image }]) => image.startsWith('stylograph:'));
const { compose } = await findDeployTools();
const folder = mkdtempSync(join(tmpdir(), 'stylograph-compose-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Variables as docker/make-env.sh writes them for some profiles. */
function makeEnv(...profiles: string[]) {
  const file = join(folder, `${profiles.join('-')}.env`);
  const { status, stderr } = spawnSync('sh', [join(ROOT, 'docker/make-env.sh'), ...profiles], {
    env: { PATH: process.env.PATH, ENV_FILE: file },
    encoding: 'utf8',
  });
  return { status, stderr, file, env: existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {} };
}

/** Replaces variables as Compose does. */
function fill(text: string, env: Record<string, string | undefined>): string {
  return text.replace(/\$\{(\w+)(:-|:\?)?([^}]*)\}/g, (_, name: string, how: string, rest: string) => {
    if (env[name]) return env[name];
    assert.notEqual(how, ':?', `${name} is missing`);
    return rest;
  });
}

/** The environment of a service with these variables. */
const resolved = (service: Service, env: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(service.environment ?? {}).map(([key, value]) => [key, fill(value, env)]),
  );

for (const profiles of [[], ['s3'], ['observability'], ['s3', 'observability']]) {
  test(`with ${profiles.join(' and ') || 'no profile'} our services get valid settings`, () => {
    const { status, stderr, env, file } = makeEnv(...profiles);
    assert.equal(status, 0, stderr);
    assert.equal(statSync(file).mode & 0o777, 0o600, 'only the owner may read the keys');
    for (const [name, service] of OURS) {
      const given = resolved(service, env);
      assert.deepEqual(unknownSettings(Object.keys(given)), [], name);
      if (name === 's3-bucket') continue;
      const settings = loadSettings({ ...given, HOST: '0.0.0.0' });
      assert.equal(settings.ROLE, name === 'api' ? 'api' : 'worker');
      assert.equal(new URL(settings.REDIS_URL!).hostname, 'redis');
      if (name === 'api') assert.ok(settings.API_KEYS.includes(`infer:${env.METRICS_KEY}`));
      assert.equal(settings.STORE_URL !== undefined, profiles.includes('s3'));
      assert.equal(settings.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined, profiles.includes('observability'));
    }
    if (!profiles.includes('s3')) return;
    const { endpoint } = parseS3Location(env.STORE_URL!);
    assert.equal(new URL(endpoint!).port, /:(\d+)/.exec(services.s3!.command!.join(' '))![1]);
    assert.ok(new URL(endpoint!).hostname in services);
  });
}

test('each installation gets new keys, and existing ones are not overwritten', () => {
  const { env, file } = makeEnv('s3');
  assert.ok(env.API_KEYS);
  assert.match(makeEnv('s3').stderr, /exists already/);
  rmSync(file);
  assert.notEqual(makeEnv('s3').env.API_KEYS, env.API_KEYS);
  assert.match(makeEnv('gpus').stderr, /there is no profile "gpus"/);
});

test('our services are locked down, and only the API and Grafana publish ports', () => {
  for (const [name, service] of OURS) {
    assert.equal(service.read_only, true, name);
    assert.deepEqual(service.cap_drop, ['ALL'], name);
    // A worker takes up to 30 s to write its checkpoint after SIGTERM.
    assert.ok(Number.parseInt(service.stop_grace_period!, 10) > 30, name);
  }
  const published = Object.entries(services).filter(([, { ports }]) => ports !== undefined);
  assert.deepEqual(published.map(([name]) => name).sort(), ['api', 'grafana']);
  // Published on loopback unless .env changes it.
  for (const [, { ports }] of published) assert.match(ports![0]!, /^\$\{BIND:-127\.0\.0\.1\}:/);
  assert.equal(networks.inside?.internal, true);
  for (const name of ['redis', 's3', 'prometheus', 'jaeger'])
    assert.deepEqual(services[name]!.networks, ['inside']);
});

test('Redis writes every command to disk and evicts nothing', () => {
  const command = services.redis!.command!.join(' ');
  for (const part of ['--appendonly yes', '--appendfsync always', '--maxmemory-policy noeviction'])
    assert.ok(command.includes(part), part);
});

test('profiles are as documented, images have versions, and volumes and mounted files exist', () => {
  const profiles = Object.fromEntries(
    Object.entries(services).map(([name, service]) => [name, service.profiles ?? []]),
  );
  assert.deepEqual(profiles, {
    api: [],
    worker: [],
    'worker-gpu': ['gpu'],
    redis: [],
    s3: ['s3'],
    's3-bucket': ['s3'],
    prometheus: ['observability'],
    grafana: ['observability'],
    jaeger: ['observability'],
  });
  for (const [name, { image, build }] of Object.entries(services)) {
    assert.match(
      image,
      /:[\w.-]*\d[\w.-]*(@sha256:[0-9a-f]{64})?$|^stylograph:(cpu|cuda)$/,
      `${name} names a version`,
    );
    if (build) assert.equal(`stylograph:${build.args.ENGINE}`, image);
  }
  for (const { volumes: mounts = [] } of Object.values(services)) {
    for (const mount of mounts as string[]) {
      const [source] = mount.split(':');
      if (source!.startsWith('./')) assert.ok(existsSync(join(ROOT, source!)), `${source} does not exist`);
      else assert.ok(source! in volumes, `${source} is not a volume`);
    }
  }
  const prometheus = readYaml('docs/deploy/observability/prometheus.yml') as {
    scrape_configs: {
      static_configs: { targets: string[] }[];
      authorization: { credentials_file: string };
    }[];
  };
  assert.deepEqual(prometheus.scrape_configs[0]!.static_configs[0]!.targets, ['api:8080']);
  assert.equal(prometheus.scrape_configs[0]!.authorization.credentials_file, '/run/secrets/metrics_key');
});

test('without keys Compose starts nothing and names the script that creates them', () => {
  assert.throws(() => resolved(services.api!, {}), /API_KEYS is missing/);
  assert.match(services.api!.environment!.API_KEYS!, /run docker\/make-env\.sh first/);
});

test("Compose's loader accepts the file with every profile", {
  skip: compose ? false : 'see above: no Go',
}, () => {
  // The loader does not replace variables.
  const file = join(folder, 'docker-compose.yml');
  const filled = fill(read('docker-compose.yml'), makeEnv('observability').env);
  writeFileSync(file, filled);
  const env = { PATH: process.env.PATH, HOME: folder, COMPOSE_PROFILES: 'gpu,s3,observability' };
  const load = () => spawnSync(compose!, ['--format', 'json', file], { cwd: folder, env, encoding: 'utf8' });
  const { status, stdout, stderr } = load();
  assert.equal(status, 0, stderr);
  assert.deepEqual(Object.keys(JSON.parse(stdout).services).sort(), Object.keys(services).sort());
  // It rejects unknown keys.
  writeFileSync(file, filled.replace('stop_grace_period', 'stop_grace_time'));
  assert.match(load().stderr, /stop_grace_time/);
});

test('pin-images adds the digests that Docker reports, and renews them', () => {
  const file = join(folder, 'compose.yml');
  const bin = mkdtempSync(join(folder, 'bin-'));
  const pin = (digest: string) => {
    spawnSync('sh', [
      '-c',
      'printf "#!/bin/sh\\necho sha256:$1\\n" > "$2/docker"; chmod +x "$2/docker"',
      'sh',
      digest,
      bin,
    ]);
    spawnSync('cp', ['-n', join(ROOT, 'docker-compose.yml'), file]);
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
    return spawnSync(process.execPath, [join(ROOT, 'scripts/pin-images.mjs'), file], {
      env,
      encoding: 'utf8',
    });
  };
  for (const digest of ['a'.repeat(64), 'b'.repeat(64)]) {
    const { status, stderr } = pin(digest);
    assert.equal(status, 0, stderr);
    const images = readFileSync(file, 'utf8').match(/image: .*/g)!;
    for (const image of images)
      assert.match(
        image,
        image.includes('stylograph:') ? /:(cpu|cuda)$/ : new RegExp(`:\\S+@sha256:${digest}$`),
      );
  }
  assert.equal(readFileSync(file, 'utf8').replaceAll(/@sha256:b+/g, ''), read('docker-compose.yml'));
  const refused = pin('nothing-known');
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /no digest of/);
});
