/** The payload of an event that a person sends. */

/**
 * Returns the body of an event. The text is sent as typed, never as a value parsed from it: a number
 * past 2^53, `1.10` and a repeated name stay. The vendor's own sample leaves as the vendor writes it.
 */
export function eventBody(payload: string, sample: string | undefined): { body?: string; fill?: boolean } {
  try {
    JSON.parse(payload);
  } catch (failure) {
    throw new Error(`The payload is not JSON: ${failure instanceof Error ? failure.message : String(failure)}.`);
  }
  return payload === sample ? {} : { body: payload, fill: true };
}
