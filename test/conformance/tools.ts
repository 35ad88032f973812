/**
 * Programs and libraries of others that tests run with where they are there: real servers, real clients. What needs one that is missing is skipped, and
 * says so; with `ASHLAR_TOOLS=required`, as in `.ci/run`, it fails instead.
 */

/**
 * Whether something is there.
 * @param tool its name
 * @param lost what is not tested without it
 * @throws Error when it is not there and must be
 */
export function isInstalled(tool: string, found: boolean, lost: string): boolean {
  if (found) return true;
  const sentence = `${tool} is not installed: ${lost}`;
  if (process.env.ASHLAR_TOOLS === 'required') throw new Error(sentence);
  console.log(sentence);
  return false;
}
