const identities = new WeakMap<object, number>();
let lastIdentity = 0;
/** Returns a number that identifies an object, because hashing a large body is slow. */
export function identity(object: object): number {
  const known = identities.get(object) ?? ++lastIdentity;
  identities.set(object, known);
  return known;
}
