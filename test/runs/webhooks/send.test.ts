import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { AddressPolicy, generateSecret, sendMessage } from '../../../src/runs/webhooks/index.ts';

let received: { headers: IncomingMessage['headers']; body: string; url: string }[] = [];
let answer: { status: number; headers?: Record<string, string>; body?: string } = { status: 200 };
const receiver = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString();
  received.push({ headers: request.headers, body, url: request.url! });
  response.writeHead(answer.status, answer.headers).end(answer.body ?? '');
});
let port: number;
before(async () => {
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  port = (receiver.address() as AddressInfo).port;
});
after(() => receiver.close());

const message = (url: string, secret = generateSecret()) => ({
  id: 'msg-1',
  url,
  secret,
  body: '{"type":"test"}',
});
const local = new AddressPolicy(['127.0.0.1']);
const strict = new AddressPolicy();

test('a message is signed as Standard Webhooks says', async () => {
  received = [];
  answer = { status: 204 };
  const secret = generateSecret();
  const status = await sendMessage(message(`http://127.0.0.1:${port}/hook?a=1`, secret), {
    policy: local,
    timeoutMs: 5_000,
  });
  assert.equal(status, 204);
  const [{ headers, body, url }] = received as [(typeof received)[0]];
  assert.equal(url, '/hook?a=1');
  assert.equal(headers['webhook-id'], 'msg-1');
  const timestamp = String(headers['webhook-timestamp']);
  assert.ok(Math.abs(Number(timestamp) - Date.now() / 1000) < 60);
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const expected = createHmac('sha256', key).update(`msg-1.${timestamp}.${body}`).digest('base64');
  assert.equal(headers['webhook-signature'], `v1,${expected}`);
});

const REFUSED = [
  'http://127.0.0.1/',
  'http://localhost/',
  'http://2130706433/',
  'http://0x7f.1/',
  'http://0177.0.0.1/',
  'http://0.0.0.0/',
  'http://10.1.2.3/',
  'http://172.16.0.1/',
  'http://192.168.1.1/',
  'http://100.64.0.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://224.0.0.1/',
  'http://255.255.255.255/',
  'http://[::1]/',
  'http://[::]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:a9fe:a9fe]/',
  'http://[fe80::1]/',
  'http://[fd00::1]/',
  'http://[64:ff9b::7f00:1]/',
  'http://[2002:7f00:1::]/',
];

for (const url of REFUSED) {
  test(`${url} is not called`, async () => {
    received = [];
    const sending = sendMessage(
      message(url.replace(/\/$/, `:${port}/`).replace(/:(\d+)\/latest.*/, ':$1/')),
      {
        policy: strict,
        timeoutMs: 5_000,
      },
    );
    await assert.rejects(sending, { code: 'webhook_refused' });
    assert.deepEqual(received, []);
  });
}

test('public addresses are allowed, and private ones that the operator names', () => {
  for (const address of [
    '93.184.216.34',
    '8.8.8.8',
    '2606:2800:220:1:248:1893:25c8:1946',
    '::ffff:8.8.8.8',
  ]) {
    assert.ok(strict.allows(address, 'example.org'), address);
  }
  const some = new AddressPolicy(['10.0.0.0/8', 'fd00:1::/32', 'Hooks.internal']);
  for (const [address, host, allowed] of [
    ['10.9.8.7', 'x', true],
    ['::ffff:10.9.8.7', 'x', true],
    ['11.9.8.7', 'x', true],
    ['192.168.0.1', 'x', false],
    ['fd00:1::5', 'x', true],
    ['fd00:2::5', 'x', false],
    ['192.168.0.1', 'hooks.internal', true],
    ['192.168.0.1', 'not.hooks.internal', false],
  ] as const) {
    assert.equal(some.allows(address, host), allowed, `${address} by ${host}`);
  }
  assert.throws(() => new AddressPolicy(['10.0.0.0/99']), TypeError);
});

test('the connection goes to the address that was checked: a name that changes its mind gains nothing', async () => {
  received = [];
  // What a rebinding name server answers at first, and from then on.
  const answers = ['203.0.114.9', '127.0.0.1'];
  let asked = 0;
  const rebinding = new AddressPolicy([], async () => [
    { address: answers[Math.min(asked++, 1)]!, family: 4 },
  ]);
  const options = { policy: rebinding, timeoutMs: 1_000 };
  // Nobody answers there, but that is where it goes.
  await assert.rejects(sendMessage(message(`http://rebind.example:${port}/`), options));
  assert.equal(asked, 1);
  // The next attempt looks again, and is refused.
  await assert.rejects(sendMessage(message(`http://rebind.example:${port}/`), options), {
    code: 'webhook_refused',
  });
  assert.deepEqual(received, []);
});

test('a redirect is an answer like any other, and is not followed', async () => {
  received = [];
  answer = { status: 307, headers: { location: `http://127.0.0.1:${port}/inside` } };
  const status = await sendMessage(message(`http://127.0.0.1:${port}/`), { policy: local, timeoutMs: 5_000 });
  assert.deepEqual([status, received.length], [307, 1]);
});

test('an answer that never ends, or never begins, is not waited for', async () => {
  const endless = createServer((_request, response) => {
    const pour = () => void response.write('x'.repeat(64_000), pour);
    pour();
    response.on('error', () => undefined);
  });
  const silent = createServer(() => undefined);
  for (const server of [endless, silent]) await once(server.listen(0, '127.0.0.1'), 'listening');
  const urlOf = (server: typeof endless) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    const options = { policy: local, timeoutMs: 400 };
    assert.equal(await sendMessage(message(urlOf(endless)), { policy: local, timeoutMs: 20_000 }), 200);
    await assert.rejects(sendMessage(message(urlOf(silent)), options), /no response within 400 ms/);
  } finally {
    for (const server of [endless, silent]) {
      server.closeAllConnections();
      server.close();
    }
  }
});
