/** Labels of the outcomes of checks and of runs. */
import {
  CheckCircle2,
  CircleAlert,
  CircleHelp,
  MinusCircle,
  TriangleAlert,
  XCircle,
  type LucideIcon,
} from "lucide-react";

import type { Asked, CheckRun } from "../../api/client";

export type Outcome = Asked["outcome"];

export const OUTCOMES: Record<Outcome, { icon: LucideIcon; colour: string; word: string; group: string }> = {
  fail: { icon: XCircle, colour: "text-invalid", word: "failed", group: "Failed" },
  error: { icon: CircleAlert, colour: "text-invalid", word: "not to be asked", group: "Could not be asked" },
  warn: { icon: TriangleAlert, colour: "text-warning", word: "to look at", group: "To look at" },
  unknown: { icon: CircleHelp, colour: "text-ink-2", word: "unknown", group: "Unknown" },
  pass: { icon: CheckCircle2, colour: "text-valid", word: "passed", group: "Passed" },
  skipped: { icon: MinusCircle, colour: "text-ink-3", word: "not asked", group: "Not asked" },
};

const VERDICTS: Record<NonNullable<CheckRun["verdict"]>, readonly [string, string]> = {
  right: ["Right", "text-valid"],
  weak: ["Right, with weaknesses", "text-warning"],
  wrong: ["Wrong", "text-invalid"],
  unfinished: ["Not finished", "text-ink-2"],
};

/** The verdict on a run, and its colour. */
export const verdict = (run: CheckRun): readonly [string, string] =>
  run.verdict ? VERDICTS[run.verdict] : ["Under way", "text-ink-2"];

/** Checks of a run that are done. */
export const doneOf = ({ counts }: CheckRun): number => Object.values(counts).reduce((sum, one) => sum + one, 0);

/** Outcomes in the order in which a report lists them. */
export const OUTCOME_ORDER = Object.keys(OUTCOMES) as Outcome[];
