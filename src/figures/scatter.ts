import { COLOURS, type Figure } from './canvas.ts';
import { textPath } from './text.ts';

/** The article's axes: −5 to 5 on both. */
const REACH = 5;
const PLOT = { left: 52, top: 46, side: 420 };
const SIZE = { width: 496, height: 522 };

/**
 * The first two dimensions of z means of one label's images (`points`: n × 2), with the circles that hold 39 % and
 * 86 % of the prior N(0, I): one and two standard deviations.
 */
export function scatterFigure(labelName: string, points: Float32Array): Figure {
  const at = (value: number) => ((value + REACH) / (2 * REACH)) * PLOT.side;
  const x = (value: number) => PLOT.left + at(value);
  const y = (value: number) => PLOT.top + PLOT.side - at(value);
  const [right, bottom] = [PLOT.left + PLOT.side, PLOT.top + PLOT.side];
  const parts: string[] = [];

  for (let tick = -REACH; tick <= REACH; tick++) {
    const stroke = `stroke="${tick === 0 ? COLOURS.axis : COLOURS.rule}" stroke-width="1"`;
    const [gx, gy] = [Math.round(x(tick)) + 0.5, Math.round(y(tick)) + 0.5];
    parts.push(`<path d="M${gx} ${PLOT.top}V${bottom}M${PLOT.left} ${gy}H${right}" ${stroke}/>`);
    const name = tick < 0 ? `−${-tick}` : `${tick}`;
    const style = { size: 12, fill: COLOURS.muted };
    parts.push(textPath(name, { ...style, x: x(tick), y: bottom + 18, anchor: 'middle' }));
    parts.push(textPath(name, { ...style, x: PLOT.left - 8, y: y(tick) + 4, anchor: 'end' }));
  }
  let shown = 0;
  const dots: string[] = [];
  for (let index = 0; index + 1 < points.length; index += 2) {
    const [px, py] = [points[index]!, points[index + 1]!];
    if (!(Math.abs(px) <= REACH && Math.abs(py) <= REACH)) continue;
    shown++;
    dots.push(`<circle cx="${x(px).toFixed(1)}" cy="${y(py).toFixed(1)}" r="2.6"/>`);
  }
  parts.push(`<g fill="${COLOURS.accent}" fill-opacity="0.45">${dots.join('')}</g>`);

  for (const deviation of [1, 2]) {
    const radius = at(deviation) - at(0);
    parts.push(
      `<circle cx="${x(0)}" cy="${y(0)}" r="${radius}" fill="none" stroke="${COLOURS.muted}" stroke-dasharray="4 4"/>`,
    );
  }

  const total = points.length / 2;
  const hidden = total - shown;
  const note = `${total} images${hidden > 0 ? `, ${hidden} beyond the axes` : ''}`;
  parts.push(
    textPath(`z means of label ${labelName}`, { x: PLOT.left, y: 28, size: 16, fill: COLOURS.ink }),
    textPath(note, { x: right, y: 28, size: 12, anchor: 'end', fill: COLOURS.muted }),
    ...axisName('1', PLOT.left + PLOT.side / 2, bottom + 38),
    ...axisName('2', 14, PLOT.top + PLOT.side / 2 + 4),
  );
  return { ...SIZE, svg: parts.join('') };
}

/** z with a subscript. */
function axisName(subscript: string, x: number, y: number): string[] {
  return [
    textPath('z', { x, y, size: 14, anchor: 'middle', fill: COLOURS.ink }),
    textPath(subscript, { x: x + 4, y: y + 4, size: 10, fill: COLOURS.ink }),
  ];
}
