/** Integers below a bound from a linear congruential generator: the same for the same seed. */
export function dice(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const EDGES = [0, 1, 0x7f, 0x80, 0xff];

/** Damages a file like transport, disks and attackers: bytes flipped and overwritten, parts cut and repeated, wrong sizes. */
export function mutate(original: Uint8Array, seed: number): Buffer {
  const roll = dice(seed);
  let bytes = Buffer.from(original);
  for (let times = 1 + roll(4); times > 0; times--) {
    const at = roll(bytes.length);
    const length = 1 + roll(Math.min(64, bytes.length));
    switch (roll(7)) {
      case 0:
        bytes[at]! ^= 1 << roll(8);
        break;
      case 1:
        bytes[at] = EDGES[roll(EDGES.length)]!;
        break;
      case 2:
        bytes = bytes.subarray(0, Math.max(1, at));
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      case 5:
        for (let i = at; i < Math.min(at + length, bytes.length); i++) bytes[i] = roll(256);
        break;
      default:
        // Most formats store sizes in four bytes.
        if (at + 4 <= bytes.length) bytes.writeUInt32BE([0, 0x7fffffff, 0xffffffff, 65_535][roll(4)]!, at);
    }
    if (bytes.length === 0) bytes = Buffer.from([0]);
  }
  return bytes;
}
