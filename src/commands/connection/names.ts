/** Names of connections and of their libraries: printable and without blanks, because CLIENT LIST is a line of words. */

/** Whether a text (one character per byte) can stand in a line of CLIENT LIST. */
export function validName(name: string): boolean {
  return /^[!-~]*$/.test(name);
}
