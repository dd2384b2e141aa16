/** The payload of an event sent from the page. */

/**
 * Returns the body of an event: the text as typed, which preserves numbers past 2^53, `1.10` and repeated keys.
 * For an unchanged sample the engine fills in the body. Throws an error if the payload is not JSON.
 */
export function eventBody(payload: string, sample: string | undefined): { body?: string; fill?: boolean } {
  try {
    JSON.parse(payload);
  } catch (failure) {
    throw new Error(`The payload is not JSON: ${failure instanceof Error ? failure.message : String(failure)}.`);
  }
  return payload === sample ? {} : { body: payload, fill: true };
}
