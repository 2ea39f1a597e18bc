import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { StylographError } from '../../core/errors.ts';

/** Looks up all addresses of a host name. */
type Resolve = (host: string, family: 4 | 6 | undefined) => Promise<LookupAddress[]>;

const systemLookup: Resolve = (host, family) =>
  lookup(host, { all: true, verbatim: true, ...(family && { family }) });

/** Decides which addresses webhooks may call. Public internet addresses are always allowed. */
export class AddressPolicy {
  readonly #resolve: Resolve;
  readonly #hosts: ReadonlySet<string>;
  readonly #ranges: [ipaddr.IPv4 | ipaddr.IPv6, number][];

  /** @param allowed additional addresses, CIDRs and host names @throws TypeError for an invalid CIDR */
  constructor(allowed: readonly string[] = [], resolve: Resolve = systemLookup) {
    this.#resolve = resolve;
    const isRange = (text: string): boolean => text.includes('/') || isIP(text) !== 0;
    this.#hosts = new Set(allowed.filter((text) => !isRange(text)).map((text) => text.toLowerCase()));
    this.#ranges = allowed.filter(isRange).map((text) => {
      if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
      if (isIP(text) === 0) throw new TypeError(`"${text}" is not a CIDR`);
      const address = ipaddr.parse(text);
      return [address, address.kind() === 'ipv4' ? 32 : 128];
    });
  }

  /** @param host the name that resolved to the address */
  allows(address: string, host: string): boolean {
    if (isIP(address) === 0) return false;
    if (this.#hosts.has(host.toLowerCase())) return true;
    // Also unwraps an IPv4 address that is mapped into IPv6.
    const parsed = ipaddr.process(address);
    const inRange = this.#ranges.some(([range, bits]) => matches(parsed, range, bits));
    // All other ranges have names of their own: private, loopback, linkLocal, reserved and those that embed IPv4.
    return inRange || parsed.range() === 'unicast';
  }

  /** @throws webhook_refused when the URL contains a forbidden address. Host names are checked on connection. */
  check(url: string): void {
    const host = hostOf(url);
    if (isIP(host) !== 0 && !this.allows(host, host)) throw refused(host);
  }

  /**
   * Resolves a host name to its allowed addresses only. The connection uses exactly these addresses, so a second DNS
   * look-up cannot replace them after the check.
   */
  get lookup(): LookupFunction {
    return (host, { all, family }, done) => {
      this.#resolve(host, family ? (Number(family) as 4 | 6) : undefined).then(
        (addresses) => {
          const allowed = addresses.filter(({ address }) => this.allows(address, host));
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

/** The host of a URL, without the brackets of an IPv6 address. */
export const hostOf = (url: string): string => new URL(url).hostname.replace(/^\[|\]$/g, '');

function refused(host: string): StylographError {
  return new StylographError(
    'webhook_refused',
    `Webhooks cannot call "${host}", because its address is not on the public internet. The operator can allow it in WEBHOOK_ALLOW.`,
  );
}

/** Whether an address is in a range of the same IP version. ipaddr.js throws when the versions differ. */
function matches(
  address: ipaddr.IPv4 | ipaddr.IPv6,
  range: ipaddr.IPv4 | ipaddr.IPv6,
  bits: number,
): boolean {
  if (address instanceof ipaddr.IPv4) return range instanceof ipaddr.IPv4 && address.match(range, bits);
  return range instanceof ipaddr.IPv6 && address.match(range, bits);
}
