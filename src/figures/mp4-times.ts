/** Boxes that hold others on the way to those that hold times. */
const CONTAINERS = new Set(['moov', 'trak', 'mdia']);
/** Boxes that begin with version, flags, creation and modification time (ISO/IEC 14496-12, 8.2.2, 8.3.2, 8.4.2). */
const DATED = new Set(['mvhd', 'tkhd', 'mdhd']);
const HEADER_BYTES = 8;

/** Takes out of an MP4 file, in place, when it was made: the same film is then the same bytes. 32-bit sizes only. */
export function clearTimes(mp4: Uint8Array): Uint8Array {
  const view = Buffer.from(mp4.buffer, mp4.byteOffset, mp4.length);
  const walk = (from: number, to: number): void => {
    for (let at = from; at + HEADER_BYTES <= to; ) {
      const size = view.readUInt32BE(at);
      const type = view.toString('latin1', at + 4, at + HEADER_BYTES);
      // A size of 0 means "to the end", and 1 a longer header; neither stands before what is looked for.
      if (size < HEADER_BYTES) return;
      if (CONTAINERS.has(type)) walk(at + HEADER_BYTES, at + size);
      // Version 0 has times of four bytes each, version 1 of eight.
      if (DATED.has(type)) view.fill(0, at + 12, at + 12 + (view[at + HEADER_BYTES] === 0 ? 8 : 16));
      at += size;
    }
  };
  walk(0, view.length);
  return mp4;
}
