import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject';
import { parseAllDocuments } from 'yaml';
import { findDeployTools } from '../../scripts/setup/deploy-tools.mjs';
import { loadSettings } from '../../src/platform/settings/settings.ts';
import { Metrics, watchService } from '../../src/platform/telemetry/index.ts';
import { ROOT, read, readDocuments, unknownSettings } from './support.ts';

const FOLDER = 'docs/deploy/kubernetes';
/** The longest that our processes take to end, in seconds. */
const ENDS_WITHIN_S = 30;

interface Variable {
  name: string;
  value: string;
}
interface Container {
  env: Variable[];
  ports?: { name: string; containerPort: number }[];
  securityContext: Record<string, unknown>;
  volumeMounts: { name: string; mountPath: string }[];
  [probe: `${string}Probe`]: { httpGet: { path: string; port: string } };
}
interface Pod {
  terminationGracePeriodSeconds: number;
  securityContext: Record<string, unknown>;
  volumes: { name: string }[];
  containers: [Container];
}
interface Manifest {
  kind: string;
  metadata: { name: string };
  spec: {
    template?: { metadata: { labels: object }; spec: Pod };
    selector?: { matchLabels?: object } & Record<string, unknown>;
    ports?: { targetPort: string }[];
    scaleTargetRef?: { name: string };
    triggers?: { type: string; metadata: Record<string, string> }[];
  };
  stringData?: Record<string, string>;
}

const files = readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith('.yaml'));
const documents = (name: string) => readDocuments(`${FOLDER}/${name}`) as Manifest[];
const all = files.filter((name) => name !== 'kustomization.yaml').flatMap(documents);
const find = (kind: string, name: string): Manifest => {
  const found = all.find((one) => one.kind === kind && one.metadata.name === name);
  assert.ok(found, `${kind} ${name}`);
  return found;
};
const [secret] = documents('secret.example.yaml');
const { bin, kustomize } = await findDeployTools();
const resources = (manifests: Manifest[]): string[] =>
  manifests.map(({ kind }) => kind).filter((kind) => kind !== 'Secret');

test('the manifests match the schemas of Kubernetes', {
  skip: bin ? false : 'see above: no schemas',
}, () => {
  // The kinds of KEDA and kustomize have other schemas.
  const own = files.filter((name) => name !== 'keda.yaml' && name !== 'kustomization.yaml');
  const args = ['--strict', '--kubernetes-version', '1.30', ...own.map((name) => join(FOLDER, name))];
  const { status, stdout, stderr } = spawnSync(join(bin!, 'kubernetes-validate'), args, {
    cwd: ROOT,
    encoding: 'utf8',
  });
  assert.equal(status, 0, `${stdout}${stderr}`);
});

for (const [role, grace] of [
  ['api', ENDS_WITHIN_S + 5],
  ['worker', ENDS_WITHIN_S],
] as const) {
  const pod = (): Pod => find('Deployment', `stylograph-${role}`).spec.template!.spec;

  test(`${role}: its variables and the secret are valid settings`, () => {
    const [{ env }] = pod().containers;
    const given = {
      ...secret!.stringData,
      ...Object.fromEntries(env.map(({ name, value }) => [name, value])),
    };
    assert.deepEqual(unknownSettings(Object.keys(given)), []);
    const settings = loadSettings({ HOST: '0.0.0.0', ...given });
    assert.equal(settings.ROLE, role);
    assert.ok(settings.DRAIN_SECONDS + ENDS_WITHIN_S <= pod().terminationGracePeriodSeconds);
    assert.ok(grace < pod().terminationGracePeriodSeconds, 'it would be killed before it ends');
  });

  test(`${role}: it runs unprivileged on a read-only root file system`, () => {
    const { securityContext, containers, volumes } = pod();
    const [container] = containers;
    const [, user] = /^USER (\d+):/m.exec(read('docker/Dockerfile'))!;
    assert.equal(securityContext.runAsNonRoot, true);
    assert.equal(securityContext.runAsUser, Number(user));
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const mounts = container.volumeMounts.map(({ mountPath }) => mountPath).sort();
    assert.deepEqual(mounts, ['/data', '/tmp']);
    assert.match(read('docker/Dockerfile'), /DATA_DIR=\/data\b/);
    for (const { name } of container.volumeMounts) assert.ok(volumes.some((volume) => volume.name === name));
  });
}

test('probes, Service and disruption budget point at the API', () => {
  const { template, selector } = find('Deployment', 'stylograph-api').spec;
  const [container] = template!.spec.containers;
  const probes = Object.entries(container).filter(([key]) => key.endsWith('Probe')) as [
    string,
    Container['livenessProbe'],
  ][];
  assert.deepEqual(Object.fromEntries(probes.map(([name, { httpGet }]) => [name, httpGet.path])), {
    startupProbe: '/health/live',
    readinessProbe: '/health/ready',
    livenessProbe: '/health/live',
  });
  const { paths } = JSON.parse(read('openapi/openapi.json')) as { paths: object };
  for (const [, { httpGet }] of probes) {
    assert.ok(httpGet.path in paths);
    assert.equal(httpGet.port, container.ports![0]!.name);
  }
  assert.equal(container.ports![0]!.containerPort, loadSettings({}).PORT);
  const service = find('Service', 'stylograph').spec;
  assert.equal(service.ports![0]!.targetPort, container.ports![0]!.name);
  for (const labels of [
    service.selector,
    find('PodDisruptionBudget', 'stylograph-api').spec.selector!.matchLabels,
  ]) {
    assert.deepEqual(labels, template!.metadata.labels);
    assert.deepEqual(labels, selector!.matchLabels);
  }
});

test('the scaled object matches the schema of KEDA', () => {
  const scaled = find('ScaledObject', 'stylograph-worker') as unknown as ConstructorParameters<
    typeof ScaledObject
  >[0];
  new ScaledObject(scaled).validate();
  const { triggers: _, ...rest } = scaled!.spec!;
  assert.throws(() => new ScaledObject({ ...scaled!, spec: rest as never }).validate(), /triggers/);
});

test('KEDA queries a metric that the service exports', async () => {
  const { scaleTargetRef, triggers } = find('ScaledObject', 'stylograph-worker').spec;
  find('Deployment', scaleTargetRef!.name);
  const [{ type, metadata }] = triggers as [{ type: string; metadata: Record<string, string> }];
  assert.equal(type, 'prometheus');
  const [, metric, states] = /\((\w+)\{state=~"([^"]+)"\}\)/.exec(metadata.query!)!;
  const meter = new Metrics();
  watchService(meter, {
    countRuns: async () => ({ queued: 2, running: 1, pausing: 0, cancelling: 0, succeeded: 5 }),
    activeRuns: async () => [],
    streams: () => 0,
    inference: { waiting: 0, pid: undefined, engine: undefined },
  });
  const text = await meter.text();
  for (const state of states!.split('|'))
    assert.match(text, new RegExp(`^${metric}\\{state="${state}"\\} \\d`, 'm'));
});

test('kustomize includes every manifest except the secret', () => {
  const [{ resources }] = readDocuments(`${FOLDER}/kustomization.yaml`) as [{ resources: string[] }];
  assert.deepEqual([...resources, 'kustomization.yaml', 'secret.example.yaml'].sort(), [...files].sort());
});

test('kustomize builds servers on CPUs, and workers on CPUs or GPUs', {
  skip: kustomize ? false : 'see above: no kustomize',
}, () => {
  const build = (folder: string): Manifest[] => {
    const { status, stdout, stderr } = spawnSync(kustomize!, ['build', folder], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
  };
  for (const [folder, engine] of [
    [FOLDER, 'cpu'],
    [`${FOLDER}-gpu`, 'cuda'],
  ] as const) {
    const built = build(folder);
    assert.deepEqual(built.map(({ kind }) => kind).sort(), resources(all).sort());
    const containerOf = (role: string): Container & { image: string; resources: { limits: object } } => {
      const found = built.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name.endsWith(role));
      return found!.spec.template!.spec.containers[0] as never;
    };
    assert.match(containerOf('api').image, /^registry\.example\.org\/stylograph:.*-cpu$/);
    const worker = containerOf('worker');
    assert.match(worker.image, new RegExp(`-${engine}$`));
    const env = Object.fromEntries(worker.env.map(({ name, value }) => [name, value]));
    assert.deepEqual(unknownSettings(Object.keys(env)), []);
    assert.deepEqual([env.ROLE, env.REQUIRE_GPU], ['worker', engine === 'cuda' ? '1' : undefined]);
    assert.equal('nvidia.com/gpu' in worker.resources.limits, engine === 'cuda');
  }
});
