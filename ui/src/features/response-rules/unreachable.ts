import type { Rule } from "../../api/client";

/** Returns the rules that are never reached, each with the earlier rule that always responds first. Both are indexes. */
export function unreachable(rules: readonly Rule[]): [rule: number, earlier: number][] {
  const when = (rule: Rule): string => rule.when?.trim() ?? "";
  const hides = (earlier: Rule, later: Rule): boolean =>
    earlier.enabled !== false && earlier.at_end !== "next_rule" && ["", when(later)].includes(when(earlier));
  return rules.flatMap((rule, at): [number, number][] => {
    const earlier = rule.enabled === false ? -1 : rules.slice(0, at).findIndex((one) => hides(one, rule));
    return earlier < 0 ? [] : [[at, earlier]];
  });
}
