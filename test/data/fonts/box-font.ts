import opentype from 'opentype.js';

/** A font whose characters are boxes: [left, bottom, right, top] above the baseline; null draws nothing. */
export function boxFont(
  family: string,
  glyphs: Record<string, [number, number, number, number] | null>,
): Uint8Array {
  const boxes = Object.entries(glyphs).map(([character, box]) => {
    const path = new opentype.Path();
    if (box) {
      const [left, bottom, right, top] = box;
      path.moveTo(left, bottom);
      path.lineTo(left, top);
      path.lineTo(right, top);
      path.lineTo(right, bottom);
      path.close();
    }
    return new opentype.Glyph({
      name: `u${character.codePointAt(0)}`,
      unicode: character.codePointAt(0)!,
      advanceWidth: 600,
      path,
    });
  });
  const missing = new opentype.Glyph({
    name: '.notdef',
    unicode: 0,
    advanceWidth: 600,
    path: new opentype.Path(),
  });
  const font = new opentype.Font({
    familyName: family,
    styleName: 'Regular',
    unitsPerEm: 1000,
    ascender: 800,
    descender: -200,
    glyphs: [missing, ...boxes],
  });
  return new Uint8Array(font.toArrayBuffer());
}
