/** The first few of many names, for a message: `a, b, c and 12 more`. */
export function abbreviate(names: readonly string[], most: number): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
