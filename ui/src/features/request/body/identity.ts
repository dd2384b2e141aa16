const identities = new WeakMap<object, number>();
let lastIdentity = 0;
/** A number for an object, as large bodies must not be hashed to be told apart. */
export function identity(object: object): number {
  const known = identities.get(object) ?? ++lastIdentity;
  identities.set(object, known);
  return known;
}
