import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { StylographError } from '../../core/errors.ts';

/** All addresses of a name. */
type Resolve = (host: string, family: 4 | 6 | undefined) => Promise<LookupAddress[]>;

const bySystem: Resolve = (host, family) =>
  lookup(host, { all: true, verbatim: true, ...(family && { family }) });

/** Which addresses may be called besides those of the public internet. */
export class AddressPolicy {
  readonly #resolve: Resolve;
  readonly #hosts: ReadonlySet<string>;
  readonly #ranges: [ipaddr.IPv4 | ipaddr.IPv6, number][];

  /** @param allowed addresses, CIDRs and host names @throws TypeError for a CIDR that is none */
  constructor(allowed: readonly string[] = [], resolve: Resolve = bySystem) {
    this.#resolve = resolve;
    const isRange = (text: string): boolean => text.includes('/') || isIP(text) !== 0;
    this.#hosts = new Set(allowed.filter((text) => !isRange(text)).map((text) => text.toLowerCase()));
    this.#ranges = allowed.filter(isRange).map((text) => {
      if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
      if (isIP(text) === 0) throw new TypeError(`"${text}" is no range of addresses`);
      const address = ipaddr.parse(text);
      return [address, address.kind() === 'ipv4' ? 32 : 128];
    });
  }

  /** @param host the name that the address was found by */
  allows(address: string, host: string): boolean {
    if (isIP(address) === 0) return false;
    if (this.#hosts.has(host.toLowerCase())) return true;
    // Also takes an IPv4 address out of its IPv6 form.
    const parsed = ipaddr.process(address);
    const inRange = this.#ranges.some(([range, bits]) => matches(parsed, range, bits));
    // Everything else has a name of its own: private, loopback, linkLocal, uniqueLocal, reserved, and what wraps IPv4.
    return inRange || parsed.range() === 'unicast';
  }

  /** @throws webhook_refused when the URL names an address that may not be called; names are looked at when they are used */
  check(url: string): void {
    const host = hostOf(url);
    if (isIP(host) !== 0 && !this.allows(host, host)) throw refused(host);
  }

  /**
   * Resolves a name for a connection to addresses that may be called and to no others. The connection goes to what was
   * checked here: there is no second look-up that could answer otherwise.
   */
  get lookup(): LookupFunction {
    return (host, { all, family }, done) => {
      this.#resolve(host, family ? (Number(family) as 4 | 6) : undefined).then(
        (found) => {
          const allowed = found.filter(({ address }) => this.allows(address, host));
          const [first] = allowed;
          if (first === undefined) done(refused(host), '', 0);
          else if (all) done(null, allowed);
          else done(null, first.address, first.family);
        },
        (error: NodeJS.ErrnoException) => done(error, '', 0),
      );
    };
  }
}

/** The host of a URL, an IPv6 address without its brackets. */
export const hostOf = (url: string): string => new URL(url).hostname.replace(/^\[|\]$/g, '');

function refused(host: string): StylographError {
  return new StylographError(
    'webhook_refused',
    `Webhooks do not go to "${host}": its address is not one of the public internet. The operator may allow it in WEBHOOK_ALLOW.`,
  );
}

/** Whether an address is in a range of its own kind: an IPv4 address is in no IPv6 range. */
function matches(
  address: ipaddr.IPv4 | ipaddr.IPv6,
  range: ipaddr.IPv4 | ipaddr.IPv6,
  bits: number,
): boolean {
  if (address instanceof ipaddr.IPv4) return range instanceof ipaddr.IPv4 && address.match(range, bits);
  return range instanceof ipaddr.IPv6 && address.match(range, bits);
}
