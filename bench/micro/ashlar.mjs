/** The library under test, as a user gets it: from dist/. */

/** @returns {Promise<typeof import('../../dist/index.js').Ashlar | undefined>} undefined, with a line, when it isn't built */
export async function loadAshlar() {
  try {
    const { Ashlar } = await import('../../dist/index.js');
    return Ashlar;
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    process.stderr.write(`without Ashlar, the library isn't built: ${error.message}\n`);
    return undefined;
  }
}
